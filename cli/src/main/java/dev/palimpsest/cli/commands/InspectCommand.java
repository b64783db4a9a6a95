package dev.palimpsest.cli.commands;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.reports.Inspection;
import dev.palimpsest.cli.reports.InspectionPage;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Gemma;
import dev.palimpsest.model.towers.Layout;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.preparation.Epochs;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.Packing;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest inspect}: a batch under the microscope. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = {
      "Shows a batch of a stage as the model sees it: pictures, every token with its id and role, the attention mask, and with --checkpoint the loss of each token.",
      "With --canaries, takes a checkpoint instead of a recipe, changes one thing in its input at a time, and checks which logits move."
    })
public final class InspectCommand implements Callable<Integer> {
  private static final int MOST_EXAMPLES = 256;

  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  @Mixin PrecisionOption precision;

  @Mixin DeviceOption device;

  @Option(
      names = "--stage",
      paramLabel = "NAME",
      description = "The stage. Default: the first that trains.")
  @Nullable String stage;

  @Option(
      names = "--position",
      paramLabel = "P",
      defaultValue = "0",
      description = "The first example, counted from the stage's beginning. Default: 0.")
  long position;

  @Option(
      names = "--examples",
      paramLabel = "N",
      defaultValue = "4",
      description = "Number of examples. Default: ${DEFAULT-VALUE}.")
  int examples;

  @Option(
      names = "--checkpoint",
      paramLabel = "FOLDER",
      description = "Shows the loss of each token under this model. May be given several times.")
  List<Path> checkpoints = List.of();

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Writes a self-contained page with pictures and masks.")
  @Nullable Path html;

  @Option(
      names = "--canaries",
      description = "Checks the masks of the checkpoint that is named in place of the recipe.")
  boolean canaries;

  @Option(names = "--json", description = "Prints a JSON object, in place of lines of text.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    if (canaries) {
      return releaseCanaries();
    }
    if (examples < 1 || examples > MOST_EXAMPLES) {
      throw new UserMistake(
          "--examples must be 1 to %d, got %d".formatted(MOST_EXAMPLES, examples));
    }
    PipelineConfig written = recipe.bind();
    Tokenizer tokenizer = recipe.data(written, List.of(stage(written)));
    PipelineConfig config = Epochs.resolved(written, tokenizer);
    StageConfig one = stage(config);
    if (position < 0 || position >= one.examples()) {
      throw new UserMistake(
          "--position must be 0 to %,d, the last example of %s; got %d"
              .formatted(one.examples() - 1, one.name(), position));
    }
    try (Machine machine = device.open(config.computeThreads())) {
      Inspection batch = look(config, one, tokenizer, machine);
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.print(batch.json());
      } else {
        InspectionPage.lines(batch).forEach(out::println);
      }
      if (html != null) {
        RunFolder.writeText(
            html.toAbsolutePath(), InspectionPage.of(batch, tokenizer, codec(config)));
        if (!json) {
          out.println(html);
        }
      }
    }
    return ExitCode.DONE.code();
  }

  private StageConfig stage(PipelineConfig config) {
    List<StageConfig> training = config.stages().stream().filter(StageConfig::trains).toList();
    return training.stream()
        .filter(one -> stage == null || one.name().equals(stage))
        .findFirst()
        .orElseThrow(
            () ->
                new UserMistake(
                    "--stage %s is not a stage of this recipe that trains; the stages that train are: %s"
                        .formatted(
                            stage,
                            String.join(", ", training.stream().map(StageConfig::name).toList()))));
  }

  /** The batch, with the losses of every checkpoint. */
  private Inspection look(
      PipelineConfig config, StageConfig one, Tokenizer tokenizer, Machine machine)
      throws IOException {
    StageOrigin origin = StageOrigin.of(config, one);
    int n = (int) Math.min(examples, one.examples() - position);
    int imageTokens = config.model().vision().imageTokens(one.resolution());
    List<Inspection.InspectedExample> seen = new ArrayList<>();
    try (Mixture mixture =
            Mixture.open(
                config.seed(),
                origin.order(),
                config.tasks(),
                one,
                Decontamination.exclusions(config),
                tokenizer);
        Mixture.BatchStream batches = mixture.batches(origin.position() + position, n, n, n);
        ExampleBatch batch = batches.next();
        NDManager manager = machine.manager().newSubManager()) {
      MicroBatch micro = MicroBatch.upload(manager, batch, new Packing(0, imageTokens));
      List<float[]> losses = new ArrayList<>();
      for (Path checkpoint : checkpoints) {
        losses.add(losses(one, checkpoint, micro, machine));
      }
      boolean[][][] masks = masks(config, one, micro, imageTokens, machine);
      int texts = one.textTokens();
      for (int row = 0; row < n; row++) {
        int from = row * texts;
        int images = batch.pictures()[row] * imageTokens;
        seen.add(
            Inspection.example(
                batch,
                row,
                tokenizer,
                losses.stream().map(all -> Arrays.copyOfRange(all, from, from + texts)).toList(),
                part(masks[row], images + texts)));
      }
    }
    return new Inspection(
        config.name(),
        one.name(),
        one.resolution(),
        imageTokens,
        Inspection.encoding(one.model(config.model()), one.resolution()),
        one.textTokens(),
        checkpoints.stream().map(Path::toString).toList(),
        seen);
  }

  /** Negative log-likelihood of each target, [n * T]. */
  private float[] losses(StageConfig one, Path checkpoint, MicroBatch micro, Machine machine)
      throws IOException {
    try (NDManager scope = machine.manager().newSubManager()) {
      SavedModel saved =
          SavedModel.read(checkpoint, one.resolution(), scope).in(precision.get(), scope);
      ModelConfig config = one.model(saved.config());
      requireFitting(checkpoint, saved, config);
      VisionLanguageModel model = Models.of(config, precision.get(), machine.kernels());
      float[] losses =
          model
              .targetLogProbabilities(scope, Weights.of(saved.parameters()), micro.input())
              .toFloatArray();
      for (int i = 0; i < losses.length; i++) {
        losses[i] = -losses[i];
      }
      return losses;
    }
  }

  /**
   * A stage may encode pictures in windows, and a checkpoint whole ones, or the other way round.
   */
  private static void requireFitting(Path checkpoint, SavedModel saved, ModelConfig config) {
    int expected = config.vision().positions(saved.resolution());
    int found = saved.config().vision().positions(saved.resolution());
    if (expected != found) {
      throw new UserMistake(
          "%s has %d position embeddings, and this stage's image tower, which encodes %dpx at a time, has %d; name a checkpoint of this stage"
              .formatted(
                  checkpoint, found, config.vision().encodedSide(saved.resolution()), expected));
    }
  }

  /** The network's own mask of every example. */
  private static boolean[][][] masks(
      PipelineConfig config, StageConfig one, MicroBatch micro, int imageTokens, Machine machine) {
    try (NDManager scope = machine.manager().newSubManager()) {
      Layout layout =
          new Layout(
              micro.input().input().sequences(),
              imageTokens,
              micro.input().input().maskAr().toLongArray(),
              one.model(config.model()).causalFrom());
      boolean[][][] masks = new boolean[layout.rows()][layout.length()][layout.length()];
      new Gemma(one.model(config.model()).language())
          .context(
              machine.kernels(),
              scope,
              layout,
              (name, value) -> {
                if (name.equals("attn_mask")) {
                  fill(masks, value);
                }
              });
      return masks;
    }
  }

  private static void fill(boolean[][][] masks, NDArray visible) {
    boolean[] flat = visible.toBooleanArray();
    int at = 0;
    for (boolean[][] mask : masks) {
      for (boolean[] row : mask) {
        System.arraycopy(flat, at, row, 0, row.length);
        at += row.length;
      }
    }
  }

  /** The part of a mask that an example with fewer pictures than others uses. */
  private static boolean[][] part(boolean[][] mask, int length) {
    boolean[][] part = new boolean[length][];
    for (int i = 0; i < length; i++) {
      part[i] = Arrays.copyOf(mask[i], length);
    }
    return part;
  }

  private static @Nullable SegmentationTokens codec(PipelineConfig config) {
    return config.tasks().values().stream()
        .filter(task -> task.type() instanceof TaskType.Segment)
        .map(task -> SegmentationTokens.load(Path.of(((TaskType.Segment) task.type()).vae())))
        .findFirst()
        .orElse(null);
  }

  /** A connector starts at zero (PaliGemma paper, section 3.1), and then hides pictures. */
  private static boolean isConnected(Parameters parameters) {
    try (NDArray kernel = parameters.get("connector/kernel").toType(DataType.FLOAT32, true)) {
      for (float value : kernel.toFloatArray()) {
        if (value != 0) {
          return true;
        }
      }
      return false;
    }
  }

  private Integer releaseCanaries() throws IOException {
    try (Machine machine = device.open(null);
        NDManager manager = machine.manager().newSubManager()) {
      SavedModel saved = SavedModel.read(recipe.recipe, null, manager).in(precision.get(), manager);
      List<Canaries.Verdict> verdicts =
          new Canaries(
                  Models.of(saved.config(), precision.get(), machine.kernels()),
                  Weights.of(saved.parameters()),
                  saved.config(),
                  saved.resolution(),
                  isConnected(saved.parameters()),
                  manager)
              .release();
      PrintWriter out = spec.commandLine().getOut();
      long dead = verdicts.stream().filter(verdict -> !verdict.holds()).count();
      if (json) {
        out.print(Json.indented(verdicts));
        return ExitCode.check(dead == 0);
      }
      verdicts.forEach(
          verdict ->
              out.printf(
                  "%s  change %s: %s; %s%n",
                  verdict.holds() ? "ok  " : "DEAD",
                  verdict.change(),
                  verdict.expected(),
                  verdict.found()));
      out.println(
          dead == 0
              ? "%d canaries live: the masks hide what they should and show the rest"
                  .formatted(verdicts.size())
              : "%d of %d canaries are dead: a mask is wrong".formatted(dead, verdicts.size()));
      return ExitCode.check(dead == 0);
    }
  }
}
