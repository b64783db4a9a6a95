package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.TrainingData;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Capsule;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.Packing;
import dev.palimpsest.stages.step.TrainStep;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Repeats the step of a replay capsule, up to its update. */
public final class Replay {
  private final TrainingCheckpoint checkpoint;
  private final StageFacts facts;
  private final Capsule capsule;
  private final PipelineConfig recipe;
  private final StageConfig stage;
  private final Path run;

  private Replay(TrainingCheckpoint checkpoint, Path run) {
    this.checkpoint = checkpoint;
    this.run = run;
    this.capsule = Capsule.of(checkpoint);
    this.facts = StageFacts.of(checkpoint);
    this.recipe =
        Recipes.bind(
            facts.recipeYaml(), "the capsule's recipe", List.of(), Map.of("run", run.toString()));
    this.stage =
        recipe.stages().stream()
            .filter(s -> s.name().equals(facts.stage()))
            .findFirst()
            .orElseThrow(
                () -> refused(checkpoint, "its recipe has no stage '" + facts.stage() + "'"));
  }

  /**
   * Opens and verifies a capsule.
   *
   * @param run the run folder, whose data the recipe may name
   * @throws InvalidConfigException when it is not a capsule
   */
  public static Replay open(Path folder, Path run) {
    return new Replay(CheckpointStore.open(folder), run.toAbsolutePath().normalize());
  }

  /** The recipe of the run that wrote the capsule. */
  public PipelineConfig recipe() {
    return recipe;
  }

  /** The capsule's facts: those of a training checkpoint. */
  public StageFacts facts() {
    return facts;
  }

  /**
   * An example of the step.
   *
   * @param position in the mixture
   * @param loss mean over its supervised tokens
   * @param sameBits whether it has the same bits as in the capsule
   * @param gradientNorm of this example's loss alone
   */
  public record ExampleLoss(
      String id, long position, float loss, boolean sameBits, double gradientNorm) {}

  /**
   * The result.
   *
   * @param found what the guard had found
   * @param action what it had done: note, skip or stop
   * @param step number of the step in its stage, from 1
   * @param sameLoss whether the loss has the same bits as in the capsule
   * @param sameNorm whether the gradient norm has
   */
  public record Result(
      String stage,
      long step,
      String found,
      String action,
      double loss,
      boolean sameLoss,
      double gradientNorm,
      boolean sameNorm,
      List<ExampleLoss> examples) {
    /** Whether everything has the same bits as in the capsule. */
    public boolean same() {
      return sameLoss && sameNorm && examples.stream().allMatch(ExampleLoss::sameBits);
    }
  }

  /**
   * Repeats the step.
   *
   * @throws DataChangedException when tokenizer or data are no longer those of the run
   */
  public Result run(NDManager parent, Kernels kernels) {
    Path tokenizerFile = Path.of(recipe.tokenizer().path());
    if (!Files.exists(tokenizerFile)) {
      throw refused(
          checkpoint, "needs the tokenizer " + tokenizerFile + "; name the run folder with --run");
    }
    Lineage lineage = Lineage.of(checkpoint.folder(), checkpoint.manifest());
    if (!ContentHash.of(tokenizerFile).equals(Lineage.hash(lineage.identity(), "tokenizer"))) {
      throw changed("the tokenizer " + tokenizerFile + " has different contents");
    }
    try (NDManager manager = parent.newSubManager();
        Mixture mixture =
            Mixture.open(
                recipe.seed(),
                facts.order(),
                recipe.tasks(),
                stage,
                Decontamination.exclusions(recipe),
                Tokenizer.load(tokenizerFile))) {
      if (!mixture.fingerprint().equals(Lineage.hash(lineage.identity(), "mixture"))) {
        TrainingData now = TrainingData.of(mixture, recipe, run.toString());
        throw changed(String.join("; ", lineage.data().changesTo(now)));
      }
      TrainState state = StateFiles.read(manager, checkpoint);
      Packing packing = Packing.of(stage, recipe.model());
      var optimizer = stage.requiredOptimizer();
      ParameterGroups groups =
          ParameterGroups.of(
              optimizer, state.parameters().names(), state.scheduleStart() + stage.examples());
      TrainStep step =
          new TrainStep(
              Models.of(stage.model(recipe.model()), stage.precision(), kernels),
              stage,
              Optimizer.of(optimizer, groups, kernels),
              new Storage(stage.storage(), checkpoint.folder()),
              DataParallel.of(Collectives.alone(), recipe),
              recipe.seed());
      List<TrainStep.Attempt> attempts = new ArrayList<>(1);
      try (Mixture.BatchStream batches =
          mixture.batches(state.dataPosition(), stage.batchSize(), stage.microBatchSize(), 1)) {
        step.run(
            manager,
            state,
            micro -> MicroBatch.upload(micro, batches.next(), packing),
            attempt -> {
              attempts.add(attempt);
              return false;
            });
      }
      TrainStep.Attempt attempt = attempts.get(0);
      return new Result(
          stage.name(),
          state.examples() / stage.batchSize() + 1,
          capsule.found(),
          capsule.action(),
          attempt.loss(),
          Capsule.bits(attempt.loss()).equals(capsule.lossBits()),
          attempt.gradientNorm(),
          Capsule.bits(attempt.gradientNorm()).equals(capsule.normBits()),
          examples(manager, mixture, packing, step, state, attempt));
    }
  }

  private List<ExampleLoss> examples(
      NDManager manager,
      Mixture mixture,
      Packing packing,
      TrainStep step,
      TrainState state,
      TrainStep.Attempt attempt) {
    List<ExampleLoss> examples = new ArrayList<>();
    try (Mixture.BatchStream alone =
        mixture.batches(state.dataPosition(), stage.batchSize(), 1, 1)) {
      for (int m = 0; m < attempt.parts().size(); m++) {
        TrainStep.Part part = attempt.parts().get(m);
        List<String> expected =
            m < capsule.parts().size() ? capsule.parts().get(m).lossBits() : List.of();
        List<String> bits = Capsule.bits(part.losses());
        for (int i = 0; i < part.losses().length; i++) {
          ExampleBatch example = alone.next();
          try (NDManager own = manager.newSubManager();
              MicroBatch one = MicroBatch.upload(own, example, packing)) {
            examples.add(
                new ExampleLoss(
                    part.ids().get(i),
                    example.positions().get(0),
                    part.losses()[i],
                    i < expected.size() && expected.get(i).equals(bits.get(i)),
                    step.gradientNorm(own, state.parameters(), one)));
          }
        }
      }
    }
    return examples;
  }

  private DataChangedException changed(String what) {
    return new DataChangedException(
        List.of(new Problem(checkpoint.folder().toString(), "cannot be replayed: " + what)));
  }

  private static InvalidConfigException refused(TrainingCheckpoint checkpoint, String why) {
    return new InvalidConfigException(List.of(new Problem(checkpoint.folder().toString(), why)));
  }
}
