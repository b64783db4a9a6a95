package dev.palimpsest.cli.pages;

import dev.palimpsest.cli.lineage.Graph;
import dev.palimpsest.cli.lineage.GraphSvg;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.reports.RunPage;
import dev.palimpsest.cli.reports.RunState;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.folder.RunFolder;
import java.nio.file.Path;

/** A run's page, with its lineage. */
public final class RunReport {
  private RunReport() {}

  /** Writes {@code report.html} into the run folder and returns its path. */
  public static Path write(Path folder) {
    Path file = file(folder);
    RunFolder.writeText(file, html(folder));
    return file;
  }

  /** Where a run's page is. */
  public static Path file(Path folder) {
    return folder.resolve("report.html");
  }

  public static String html(Path folder) {
    RunData run = RunData.read(folder);
    return RunPage.of(run, RunState.of(run).word(), lineage(run.root()));
  }

  private static String lineage(Path run) {
    try {
      return GraphSvg.of(Graph.of(run));
    } catch (InvalidConfigException noCheckpointYet) {
      return "";
    }
  }
}
