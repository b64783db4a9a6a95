package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.lineage.Graph;
import dev.palimpsest.cli.lineage.GraphSvg;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.reports.RunPage;
import dev.palimpsest.cli.reports.RunState;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.stages.folder.RunFolder;
import java.nio.file.Path;

/** A run's page, with its lineage. */
final class RunReport {
  private RunReport() {}

  /** Writes {@code report.html} into the run folder and returns its path. */
  static Path write(Path folder) {
    Path file = folder.resolve("report.html");
    RunFolder.writeText(file, html(folder));
    return file;
  }

  static String html(Path folder) {
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
