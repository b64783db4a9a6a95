package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.terminal.PartNumber;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.duplicates.Part;
import dev.palimpsest.mixtures.sources.SourceImport;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest prepare}: what a run does with its data before the first stage. */
@Command(
    name = "prepare",
    mixinStandardHelpOptions = true,
    description = {
      "Prepares a recipe's data ahead of a run, which does the same if this was not done: draws or fabricates what the recipe asks for,",
      "and imports Parquet files of its tasks and suites into files whose rows can be read in any order.",
      "What exists is not made again. With --part several processes share the files; there is nothing to merge."
    })
public final class PrepareCommand implements Runnable {
  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  @Option(
      names = "--part",
      paramLabel = "I/N",
      description =
          "Imports every Nth file, from number I on, counted from 0. As in a Slurm array: --part $SLURM_ARRAY_TASK_ID/8.")
  @Nullable String part;

  @Override
  public void run() {
    Part own = part == null ? Part.WHOLE : PartNumber.parse(part);
    PipelineConfig config = recipe.bind();
    recipe.data(config, config.stages());
    List<SourceImport> all =
        sources(config)
            .distinct()
            .flatMap(source -> SourceImport.of(source).stream())
            .distinct()
            .toList();
    PrintWriter out = spec.commandLine().getOut();
    int done = 0;
    for (int i = own.index(); i < all.size(); i += own.of()) {
      out.println(all.get(i).run());
      out.flush();
      done++;
    }
    out.println("ready: %d of %d Parquet files".formatted(done, all.size()));
  }

  private static Stream<SourceConfig> sources(PipelineConfig config) {
    return Stream.concat(
        config.tasks().values().stream().map(task -> task.source()),
        config.suites().values().stream()
            .flatMap(suite -> suite.tasks().values().stream())
            .map(task -> task.source())
            .filter(Objects::nonNull));
  }
}
