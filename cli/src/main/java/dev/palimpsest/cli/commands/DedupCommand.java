package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.reports.DuplicatesPage;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.PartNumber;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.data.DedupConfig;
import dev.palimpsest.files.Escape;
import dev.palimpsest.mixtures.duplicates.DuplicateReport;
import dev.palimpsest.mixtures.duplicates.DuplicateReport.Duplicate;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.preparation.Decontamination;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest dedup}: training examples that also occur in an evaluation. */
@Command(
    name = "dedup",
    mixinStandardHelpOptions = true,
    description = {
      "Finds training examples whose pictures or texts occur in evaluation suites, exactly or nearly so.",
      "Data that the recipe prepares is prepared in the run folder, as 'run' does.",
      "Exit code 1 if a stage's share of duplicates exceeds the recipe's dedup.limit."
    })
public final class DedupCommand implements Callable<Integer> {
  private static final int SHOWN = 10;
  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  @Option(
      names = "--against",
      paramLabel = "SUITE",
      split = ",",
      description =
          "Suites of the recipe to compare with. Default: the recipe's dedup.against, or all suites.")
  List<String> against = List.of();

  @Option(
      names = "--threshold",
      paramLabel = "BITS",
      description =
          "The most bits, of 64, in which the hashes of a picture and its copy may differ. Default: the recipe's, or 12.")
  @Nullable Integer threshold;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Also writes a self-contained page that shows the pairs side by side.")
  @Nullable Path html;

  @Option(
      names = "--exclusions",
      paramLabel = "FILE",
      description =
          "Also writes a list of the duplicates that the recipe can name under 'exclude'.")
  @Nullable Path exclusions;

  @Option(
      names = "--part",
      paramLabel = "I/N",
      description = {
        "Searches one of N parts of the training data, numbered from 0, and writes what it finds to dedup/ in the run folder.",
        "As in a Slurm array: --part $SLURM_ARRAY_TASK_ID/8. Then --merge 8 gives the same result as without parts."
      })
  @Nullable String part;

  @Option(
      names = "--merge",
      paramLabel = "N",
      description = "Combines the N parts in the run folder.")
  @Nullable Integer merge;

  @Option(
      names = "--json",
      description = "Prints a JSON object with every duplicate, in place of a table.")
  boolean json;

  @Override
  public Integer call() {
    if (part != null && (merge != null || html != null || exclusions != null || json)) {
      throw new UserMistake("--part only searches: leave the rest to the command with --merge");
    }
    if (merge != null && merge < 1) {
      throw new UserMistake("--merge must be at least 1, got " + merge);
    }
    PipelineConfig config = recipe.bind();
    DedupConfig settings = settings(config);
    Tokenizer tokenizer = recipe.data(config, config.stages());
    PrintWriter out = spec.commandLine().getOut();
    try (Decontamination search = new Decontamination(config, settings, tokenizer)) {
      int threads = Runtime.getRuntime().availableProcessors();
      Path parts = recipe.folder().resolve("dedup");
      if (part != null) {
        out.println(search.searchPart(threads, PartNumber.parse(part), parts));
        return ExitCode.DONE.code();
      }
      DuplicateReport report = merge == null ? search.search(threads) : search.merged(merge, parts);
      Map<String, Double> shares = search.shares(report);
      if (exclusions != null) {
        RunFolder.writeText(exclusions.toAbsolutePath(), search.exclusionList(report));
      }
      if (html != null) {
        RunFolder.writeText(
            html.toAbsolutePath(),
            DuplicatesPage.of(
                config, settings, report, shares, search.training(), search.reference()));
      }
      if (json) {
        out.print(DuplicatesPage.json(config, settings, report, shares));
      } else {
        print(report, shares, out);
      }
      DedupConfig gate = config.dedup();
      return ExitCode.check(
          gate == null || shares.values().stream().allMatch(share -> share <= gate.limit()));
    }
  }

  private void print(DuplicateReport report, Map<String, Double> shares, PrintWriter out) {
    DuplicatesPage.table(report, shares).forEach(out::println);
    List<Duplicate> counted = report.duplicates().stream().filter(Duplicate::leftOut).toList();
    counted.stream()
        .limit(SHOWN)
        .forEach(
            duplicate ->
                out.println(
                    "  "
                        + Escape.line(
                            "%s/%s: %s"
                                .formatted(
                                    report.pools().get(duplicate.pool()).name(),
                                    duplicate.id(),
                                    duplicate.reason()))));
    if (counted.size() > SHOWN) {
      out.println("  and %,d more".formatted(counted.size() - SHOWN));
    }
    Stream.of(exclusions, html).filter(Objects::nonNull).forEach(out::println);
  }

  private DedupConfig settings(PipelineConfig config) {
    DedupConfig own = config.dedup();
    List<String> suites =
        !against.isEmpty()
            ? against
            : own != null ? own.against() : List.copyOf(config.suites().keySet());
    if (suites.isEmpty()) {
      throw new UserMistake("this recipe has no suites to compare with");
    }
    for (String suite : suites) {
      if (!config.suites().containsKey(suite)) {
        throw new UserMistake(
            "--against %s is not a suite of this recipe; its suites are: %s"
                .formatted(suite, String.join(", ", config.suites().keySet())));
      }
    }
    return own == null
        ? DedupConfig.against(suites, threshold == null ? DedupConfig.THRESHOLD : threshold)
        : new DedupConfig(
            suites,
            own.limit(),
            threshold == null ? own.threshold() : threshold,
            own.words(),
            own.overlap(),
            own.texts());
  }
}
