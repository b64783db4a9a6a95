package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.Exclusions;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.handover.FirstParameters;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageIdentity;
import dev.palimpsest.stages.lineage.TrainingData;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.StepCost;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Packing;
import dev.palimpsest.stages.training.Evaluations;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.Run;
import dev.palimpsest.stages.training.StageCheckpoints;
import dev.palimpsest.stages.training.StageModel;
import dev.palimpsest.stages.training.StopRequest;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The stage of a tiny recipe that follows its import, with everything that its training works on,
 * for tests of single parts. The import is run for real, into a run folder.
 */
public final class TinyStage implements AutoCloseable {
  private static final String TASKS =
      """
      tasks:
        caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
      suites:
        heldout:
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, decode: {maxNewTokens: 1}}
      """;

  /** A recipe of an import and {@code stage1}, which is scored and exported. */
  static final TinyRun RECIPE =
      TinyRun.of(
          TASKS,
          """
            - name: stage1
              init: {stage: stage0}
              examples: 24
              resolution: 16
              textTokens: 16
              batchSize: 4
              microBatch: 2
              dropout: 0.1
              mixture: {caption: 1}
              optimizer: {learningRate: 1e-2, schedule: {constant: {}}}
              checkpoint: {everyExamples: 8, keepLast: 9}
              evaluate: {suites: [heldout], everyExamples: 8}
              export: {formats: [big_vision]}
          """);

  private static final Map<String, Object> ENVIRONMENT = Map.of("commit", "0123456789abcdef");

  private final PipelineConfig recipe;
  private final StageConfig stage;
  private final RunFolder folder;
  private final Map<String, StageResult> earlier = new LinkedHashMap<>();
  private final Tokenizer tokenizer;
  private final NDManager manager;
  private final Kernels kernels;
  private final Mixture mixture;
  private final VisionLanguageModel model;

  private TinyStage(Path out, String... sets) {
    TinyRun.of(TASKS, "").run(out).forEach(result -> earlier.put(result.name(), result));
    recipe = RECIPE.bind(out, sets);
    stage = recipe.stages().get(1);
    folder = new RunFolder(out);
    tokenizer = Tokenizer.load(Path.of(recipe.tokenizer().path()));
    manager = NDManager.newBaseManager();
    kernels = Kernels.load();
    mixture =
        Mixture.open(
            recipe.seed(), stage.name(), recipe.tasks(), stage, Exclusions.NONE, tokenizer);
    model = Models.of(stage.model(recipe.model()), stage.precision(), kernels);
  }

  /**
   * Runs the import and opens the stage after it.
   *
   * @param out the run folder; one that holds the import already is taken as it is
   * @param sets changes to the recipe, {@code path=value}
   */
  public static TinyStage open(Path out, String... sets) {
    return new TinyStage(out, sets);
  }

  PipelineConfig recipe() {
    return recipe;
  }

  /** The stage's settings. */
  public StageConfig config() {
    return stage;
  }

  /** The run folder. */
  public RunFolder folder() {
    return folder;
  }

  Map<String, StageResult> earlier() {
    return earlier;
  }

  Tokenizer tokenizer() {
    return tokenizer;
  }

  String tokenizerHash() {
    return ContentHash.of(Path.of(recipe.tokenizer().path()));
  }

  /** The manager of everything that the test makes. */
  public NDManager manager() {
    return manager;
  }

  /** The kernels. */
  public Kernels kernels() {
    return kernels;
  }

  /** The stage's data. */
  public Mixture mixture() {
    return mixture;
  }

  /** The network. */
  public VisionLanguageModel model() {
    return model;
  }

  /** How examples are put into sequences. */
  public Packing packing() {
    return Packing.of(stage, stage.model(recipe.model()));
  }

  /** The state before the first step, as the import hands it over. */
  public TrainState start() {
    return new FirstParameters(stage, stage.model(recipe.model()), model, mixture, recipe.seed())
        .handedOver(manager, parent().checkpoint())
        .state();
  }

  /** The state of one of the stage's checkpoints. */
  public TrainState saved(long examples) {
    return StateFiles.read(
        manager, CheckpointStore.open(checkpointFolder().resolve(StateFiles.name(examples))));
  }

  /** Where the stage's checkpoints lie. */
  public Path checkpointFolder() {
    return folder.checkpoints(stage.name());
  }

  Parent parent() {
    return Parent.of(stage, earlier);
  }

  /** What the folder records of the stage. */
  StageRecord record(boolean acceptsChanges) {
    Map<String, String> suites = new LinkedHashMap<>();
    stage.evaluate().suites().forEach(suite -> suites.put(suite, "as it is"));
    return new StageRecord(
        folder,
        new StageIdentity(
            recipe.seed(),
            recipe.computeThreads(),
            recipe.model(),
            tokenizerHash(),
            mixture.fingerprint(),
            parent().fingerprint(),
            stage),
        TrainingData.of(mixture, recipe, folder.root().toString()),
        suites,
        acceptsChanges);
  }

  /** What a checkpoint of a state says of the stage. */
  public StageFacts facts(TrainState state) {
    return record(false).facts(recipe, parent(), ENVIRONMENT, state.examples(), state.order());
  }

  /** Saves states of the stage; to be closed by the test. */
  public StageCheckpoints checkpoints(TrainState state) {
    return new StageCheckpoints(
        folder,
        stage,
        facts(state),
        new CheckpointStore(checkpointFolder()),
        examples -> Optional.empty(),
        manager);
  }

  /** The run that the stage belongs to. */
  public Run run(Progress progress, StopRequest stop) {
    return new Run(recipe, folder, kernels, progress, stop);
  }

  /** The stage's network, to be trained and asked. */
  public StageModel stageModel() {
    return new StageModel(stage, model, tokenizer);
  }

  /** Scores states of the stage. */
  public Evaluations evaluations(StopRequest stop) {
    return new Evaluations(
        run(Progress.NONE, stop), stageModel(), record(false).scores(), Collectives.alone());
  }

  /** What the stage's steps compute, on a device of unknown speed. */
  public StepCost cost() {
    return new StepCost(
        new ModelCost(stage.model(recipe.model()), stage.resolution(), stage.precision()),
        EnumSet.allOf(ModelCost.Part.class),
        Peak.UNKNOWN);
  }

  /** The stage's scores so far, by moment and suite. */
  public Map<String, Map<String, SuiteResult>> scores() {
    return record(false).scores().all();
  }

  @Override
  public void close() {
    mixture.close();
    kernels.close();
    manager.close();
  }
}
