package dev.palimpsest.cli.pages;

import dev.palimpsest.cli.reports.Comparison;
import dev.palimpsest.cli.reports.EvaluationPage;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.reports.RunsPage;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.stages.folder.RunFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest report}: a run, an evaluation, or several runs on one page. */
@Command(
    name = "report",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a page that needs no network: of one run or evaluation, or of several runs compared.",
      "A run writes its page when it ends; this command writes it again, or for a run that is under way."
    })
public final class ReportCommand implements Runnable {
  @Spec CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "RUN",
      description = "The folder of a run or of an evaluation, or folders of several runs.")
  List<Path> runs = List.of();

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "Where to write. Default: report.html or evaluation.html in the folder; of several runs comparison.html here.")
  @Nullable Path out;

  @Override
  public void run() {
    Path file;
    String page;
    if (runs.size() > 1) {
      file = out == null ? Path.of("comparison.html") : out;
      List<String> labels = Labels.of(runs);
      page = RunsPage.of(runs.stream().map(RunData::read).toList(), labels);
    } else if (Files.isRegularFile(runs.get(0).resolve(Comparison.FILE))) {
      file = out == null ? runs.get(0).resolve("evaluation.html") : out;
      page = EvaluationPage.of(Comparison.read(runs.get(0).resolve(Comparison.FILE)));
    } else if (RunData.isRun(runs.get(0))) {
      file = out == null ? RunReport.file(runs.get(0)) : out;
      page = RunReport.html(runs.get(0));
    } else {
      throw new UserMistake(
          "%s is the folder neither of a run (recipe.yaml) nor of an evaluation (%s)"
              .formatted(runs.get(0), Comparison.FILE));
    }
    RunFolder.writeText(file, page);
    spec.commandLine().getOut().println(file);
  }
}
