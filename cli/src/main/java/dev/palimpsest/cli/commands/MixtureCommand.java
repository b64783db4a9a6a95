package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.reports.MixturePage;
import dev.palimpsest.cli.reports.MixtureTable;
import dev.palimpsest.cli.reports.StageSurvey;
import dev.palimpsest.cli.reports.SurveyPart;
import dev.palimpsest.cli.reports.SurveyedPosition;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.PartNumber;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.duplicates.Part;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.preparation.Epochs;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest mixture}: what a recipe's stages will train on. */
@Command(
    name = "mixture",
    mixinStandardHelpOptions = true,
    description = {
      "Shows what each stage of a recipe will train on, without training.",
      "This includes the weights requested and drawn, epochs of each source, lengths, truncation, picture sizes, and examples with their boxes.",
      "Only the headers of pictures are read, so that damage after the header is not noticed here.",
      "Data that the recipe prepares is prepared in the run folder, as 'run' does."
    })
public final class MixtureCommand implements Callable<Integer> {
  private static final int MOST_SAMPLES = 1_000_000;

  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  @Option(names = "--stage", paramLabel = "NAME", description = "This stage only.")
  @Nullable String stage;

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "2048",
      description = "Number of positions to examine in each stage. Default: ${DEFAULT-VALUE}.")
  int samples;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Also writes a self-contained page with histograms and examples.")
  @Nullable Path html;

  @Option(
      names = "--part",
      paramLabel = "I/N",
      description = {
        "Examines one of N parts of the positions, numbered from 0, and writes what it finds to mixture/ in the run folder.",
        "As in a Slurm array: --part $SLURM_ARRAY_TASK_ID/8. Then --merge 8 gives the same result as without parts."
      })
  @Nullable String part;

  @Option(
      names = "--merge",
      paramLabel = "N",
      description = "Combines the N parts in the run folder.")
  @Nullable Integer merge;

  @Option(names = "--json", description = "Prints a JSON object, in place of tables.")
  boolean json;

  @Override
  public Integer call() {
    if (part != null && (merge != null || html != null || json)) {
      throw new UserMistake("--part only examines: leave the rest to the command with --merge");
    }
    if (merge != null && merge < 1) {
      throw new UserMistake("--merge must be at least 1, got " + merge);
    }
    if (samples < 1 || samples > MOST_SAMPLES) {
      throw new UserMistake("--samples must be 1 to %,d, got %,d".formatted(MOST_SAMPLES, samples));
    }
    PipelineConfig written = recipe.bind();
    Tokenizer tokenizer = recipe.data(written, stages(written));
    PipelineConfig config = Epochs.resolved(written, tokenizer);
    List<StageConfig> stages = stages(config);
    PrintWriter out = spec.commandLine().getOut();
    List<StageSurvey> surveys = new ArrayList<>();
    for (StageConfig one : stages) {
      StageOrigin origin = StageOrigin.of(config, one);
      try (Mixture mixture =
          Mixture.open(
              config.seed(),
              origin.order(),
              config.tasks(),
              one,
              Decontamination.exclusions(config),
              tokenizer)) {
        int positions = StageSurvey.positions(one, samples);
        Path parts = recipe.folder().resolve("mixture");
        Part examined = part == null ? Part.WHOLE : PartNumber.parse(part);
        SurveyPart found =
            new SurveyPart(
                one.name(),
                mixture.fingerprint(),
                positions,
                examined.index(),
                examined.of(),
                merge != null
                    ? List.of()
                    : StageSurvey.surveyed(
                        config, one, mixture, origin.position(), tokenizer, samples, examined));
        if (part != null) {
          out.println(found.write(parts));
          continue;
        }
        List<SurveyedPosition> surveyed =
            merge == null ? found.surveyed() : SurveyPart.merged(parts, found, merge);
        StageSurvey survey = StageSurvey.of(one, mixture, origin.position(), tokenizer, surveyed);
        surveys.add(survey);
        if (!json) {
          MixtureTable.of(survey).forEach(out::println);
          out.println();
          out.flush();
        }
      }
    }
    if (html != null) {
      RunFolder.writeText(html.toAbsolutePath(), MixturePage.of(config, surveys));
      if (!json) {
        out.println(html);
      }
    }
    if (json) {
      out.print(MixtureTable.json(config, surveys));
    }
    return ExitCode.DONE.code();
  }

  private List<StageConfig> stages(PipelineConfig config) {
    List<StageConfig> training = config.stages().stream().filter(StageConfig::trains).toList();
    List<String> names = training.stream().map(StageConfig::name).toList();
    if (stage != null && !names.contains(stage)) {
      throw new UserMistake(
          "--stage %s is not a stage of this recipe that trains; the stages that train are: %s"
              .formatted(stage, String.join(", ", names)));
    }
    if (training.isEmpty()) {
      throw new UserMistake("no stage of this recipe trains: all have 'examples: 0'");
    }
    return training.stream().filter(one -> stage == null || one.name().equals(stage)).toList();
  }
}
