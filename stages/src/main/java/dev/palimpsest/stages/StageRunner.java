package dev.palimpsest.stages;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.ExportedProcessor;
import dev.palimpsest.checkpoints.published.ModelExporter;
import dev.palimpsest.checkpoints.published.PositionEmbeddingResampler;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.configs.ExportConfig;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.eval.EvaluatedModel;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.Selection;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.HuggingFaceTokenizer;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Kernels;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.Parameters;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.Weights;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageIdentity;
import dev.palimpsest.stages.lineage.SuiteIdentity;
import dev.palimpsest.stages.lineage.TrainingData;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.training.Cadence;
import dev.palimpsest.stages.training.LogHashes;
import dev.palimpsest.stages.training.Packing;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.SkippedExamples;
import dev.palimpsest.stages.training.StateFiles;
import dev.palimpsest.stages.training.StopRequest;
import dev.palimpsest.stages.training.StoppedException;
import dev.palimpsest.stages.training.TrainState;
import dev.palimpsest.stages.training.TrainingLoop;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes one stage from its first parameters, or from its own last checkpoint, to its scores, final
 * checkpoint and exports.
 */
final class StageRunner {
  private static final Logger log = LoggerFactory.getLogger(StageRunner.class);
  private static final String POSITIONS = "vision/position_embedding";

  private final PipelineConfig recipe;
  private final StageConfig stage;
  private final ModelConfig modelConfig;
  private final RunFolder folder;
  private final Tokenizer tokenizer;
  private final Path tokenizerFile;
  private final Kernels kernels;
  private final Progress progress;
  private final StopRequest stop;
  private final Map<String, Object> environment;
  private final boolean acceptsChanges;

  /**
   * A stage's runner.
   *
   * @param environment machine, libraries and code, kept in every checkpoint
   * @param acceptsChanges whether what the folder holds of the stage is taken although it was made
   *     with other settings or data
   */
  StageRunner(
      PipelineConfig recipe,
      StageConfig stage,
      RunFolder folder,
      Tokenizer tokenizer,
      Kernels kernels,
      Progress progress,
      StopRequest stop,
      Map<String, Object> environment,
      boolean acceptsChanges) {
    this.recipe = recipe;
    this.stage = stage;
    this.modelConfig = stage.model(recipe.model());
    this.folder = folder;
    this.tokenizer = tokenizer;
    this.tokenizerFile = Path.of(recipe.tokenizer().path());
    this.kernels = kernels;
    this.progress = progress;
    this.stop = stop;
    this.environment = environment;
    this.acceptsChanges = acceptsChanges;
  }

  /**
   * Runs the stage, or reads its result when it was finished before.
   *
   * @param runManager everything made here lives in a child of it and is gone on return
   * @param tokenizerHash SHA-256 of the tokenizer file
   * @param finished the recipe's earlier stages by name
   * @param describe says in the run folder what is run there: called once nothing that the folder
   *     holds of the stage speaks against it, and not for a finished stage
   * @throws InvalidConfigException when the folder holds this stage with other settings, or the
   *     recipe does not fit what it starts from
   */
  StageResult run(
      NDManager runManager,
      String tokenizerHash,
      Map<String, StageResult> finished,
      Runnable describe) {
    Parent parent = Parent.of(stage, finished);
    try (NDManager manager = runManager.newSubManager();
        @Nullable Mixture mixture = stage.examples() == 0 ? null : openMixture(parent)) {
      StageIdentity identity =
          new StageIdentity(
              recipe.seed(),
              recipe.computeThreads(),
              recipe.model(),
              tokenizerHash,
              mixture == null ? "" : mixture.fingerprint(),
              parent.fingerprint(),
              stage);
      TrainingData data = TrainingData.of(mixture, recipe, folder.root().toString());
      StageRecord record = new StageRecord(folder, identity, data, suites(), acceptsChanges);
      Optional<StageResult> before = record.read();
      before.ifPresent(record::requireCheckpoint);
      if (before.isPresent() && (record.isReused() || record.isComplete(before.get()))) {
        LogHashes.altered(folder, stage.name(), CheckpointStore.peek(before.get().checkpoint()))
            .forEach(altered -> log.warn("{}: {}", stage.name(), altered));
        log.info("{}: finished before, taken as it is", stage.name());
        return before.get();
      }
      before.ifPresent(
          result -> log.info("{}: finished before, to be scored or exported anew", stage.name()));
      return train(manager, parent, mixture, record, describe);
    }
  }

  private Map<String, String> suites() {
    Map<String, String> identities = new LinkedHashMap<>();
    for (String name : stage.evaluate().suites()) {
      identities.put(name, SuiteIdentity.of(suite(name)));
    }
    return identities;
  }

  private SuiteConfig suite(String name) {
    return Objects.requireNonNull(recipe.suites().get(name), name);
  }

  private Mixture openMixture(Parent parent) {
    return Mixture.open(
        recipe.seed(),
        parent.order(),
        recipe.tasks(),
        stage,
        Decontamination.exclusions(recipe),
        tokenizer);
  }

  private StageResult train(
      NDManager manager,
      Parent parent,
      @Nullable Mixture mixture,
      StageRecord record,
      Runnable describe) {
    long began = System.nanoTime();
    VisionLanguageModel model = Models.of(modelConfig, stage.precision(), kernels);
    CheckpointStore store = new CheckpointStore(folder.checkpoints(stage.name()));
    try (CheckpointWriter writer = new CheckpointWriter(store, manager)) {
      // ---- Where the stage stands
      List<String> since = new ArrayList<>();
      Optional<TrainingCheckpoint> own = store.latest(since::add);
      own.ifPresent(record::requireSame);
      if (own.isPresent()) {
        for (String altered : LogHashes.altered(folder, stage.name(), own.get())) {
          log.warn("{}: {}", stage.name(), altered);
          since.add(altered);
        }
        record.alteredScores().forEach(altered -> log.warn("{}: {}", stage.name(), altered));
        since.add(
            "went on from its checkpoint at " + StageFacts.of(own.get()).examples() + " examples");
        record.moved(own.get(), environment).ifPresent(since::add);
      } else {
        since.clear(); // what was damaged is made again
      }
      if (own.isPresent() && mixture != null) {
        scoreStartAgain(manager, parent, mixture, model, record);
      }
      TrainState state =
          own.map(c -> StateFiles.read(manager, c))
              .orElseGet(() -> first(manager, parent, mixture, model, record));
      requireShapes(state.parameters());
      requireSchedules(state.scheduleStart() + stage.examples());
      describe.run();
      List<String> notes = StageStart.notes(folder, stage.name(), record.firstFingerprint());
      record.accepted().forEach(a -> since.add(a.toString()));
      since.forEach(note -> log.info("{}: {}", stage.name(), note));
      notes.addAll(since);

      // ---- Training, with scores before and at the recipe's cadence
      Saver saver = new Saver(writer, store, record, parent);
      if (mixture != null && state.examples() < stage.examples()) {
        if (state.examples() == 0 && stage.evaluate().before()) {
          evaluate("before", model, state, manager, record);
          stop.obey("before the first step of " + stage.name());
        }
        state =
            new TrainingLoop(
                    stage,
                    model,
                    Packing.of(stage, modelConfig),
                    kernels,
                    mixture,
                    recipe.seed(),
                    folder,
                    progress,
                    stop)
                .run(
                    manager,
                    state,
                    (s, found) -> capsule(s, facts(record, parent, s), found),
                    writer,
                    saver,
                    (moment, s) -> evaluate(moment, model, s, manager, record));
      }

      // ---- What the stage leaves
      notes.addAll(SkippedExamples.notes(folder.skipped(stage.name())));
      long end = state.examples();
      if (own.filter(c -> StageFacts.of(c).examples() == end).isEmpty()) {
        saver.save(state, LogHashes.of(folder, stage.name()), () -> {});
        writer.await();
      }
      stop.unsaved(false);
      Path last = folder.checkpoints(stage.name()).resolve(StateFiles.name(end));
      store.retain(1, milestones(store));
      log.debug("{}: saved its end", stage.name());
      if (stage.evaluate().after()) {
        evaluate("after", model, state, manager, record);
        stop.obey("before the exports of " + stage.name());
      }
      notes.addAll(record.scoresLeftOut());
      StageResult result =
          new StageResult(
              stage.name(),
              record.fingerprint(),
              last,
              record.scores(),
              notes,
              export(state.parameters(), last),
              (System.nanoTime() - began) / 1e9,
              record.accepted());
      record.write(result);
      return result;
    }
  }

  /** Saves a state, and then lets go of checkpoints that the recipe does not keep. */
  private final class Saver implements TrainingLoop.Saver {
    private final CheckpointWriter writer;
    private final CheckpointStore store;
    private final StageRecord record;
    private final Parent parent;

    Saver(CheckpointWriter writer, CheckpointStore store, StageRecord record, Parent parent) {
      this.writer = writer;
      this.store = store;
      this.record = record;
      this.parent = parent;
    }

    @Override
    public void save(TrainState state, LogHashes logs, Runnable before) {
      StateFiles.save(
          writer,
          state,
          facts(record, parent, state),
          logs.facts(),
          before,
          () -> store.retain(stage.checkpoint().keepLast(), milestones(store)));
    }
  }

  private Set<String> milestones(CheckpointStore store) {
    long every = stage.checkpoint().keepEveryExamples();
    return store.names().stream()
        .filter(
            name ->
                Cadence.due(every, stage.batchSize(), StateFiles.examplesOf(name).orElse(0), false))
        .collect(Collectors.toSet());
  }

  /** Scores of the start on suites that have changed since, without losing what was trained. */
  private void scoreStartAgain(
      NDManager manager,
      Parent parent,
      Mixture mixture,
      VisionLanguageModel model,
      StageRecord record) {
    if (!stage.evaluate().before() || record.isScored("before")) {
      return;
    }
    try (NDManager scope = manager.newSubManager()) {
      evaluate("before", model, first(scope, parent, mixture, model, record), scope, record);
    }
  }

  /** Where a curve that goes on from a checkpoint ends is known here first. */
  private void requireSchedules(long end) {
    if (stage.examples() <= stage.batchSize()) {
      return;
    }
    List<Problem> problems = new ArrayList<>();
    stage
        .requiredOptimizer()
        .scheduleMistakes(end)
        .forEach(
            (path, mistake) ->
                problems.add(
                    new Problem("stages." + stage.name() + ".optimizer." + path, mistake)));
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }

  /** Accepted settings may be any but the sizes. */
  private void requireShapes(Parameters parameters) {
    Map<String, Shape> wanted = ParameterSpecs.of(modelConfig, stage.resolution());
    Map<String, Shape> found = new LinkedHashMap<>();
    parameters.asMap().forEach((name, array) -> found.put(name, array.getShape()));
    if (!found.equals(wanted)) {
      String first =
          wanted.keySet().stream()
              .filter(name -> !Objects.equals(wanted.get(name), found.get(name)))
              .findFirst()
              .orElse("one more parameter");
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "stages." + stage.name(),
                  "cannot go on from its checkpoint, whose sizes are others (%s: %s, now %s); make it a new stage that starts from this one"
                      .formatted(first, found.get(first), wanted.get(first)))));
    }
  }

  // ---- The first parameters

  private TrainState first(
      NDManager manager,
      Parent parent,
      @Nullable Mixture mixture,
      VisionLanguageModel model,
      StageRecord record) {
    List<String> notes = new ArrayList<>();
    List<FunctionPreservation> preservation = new ArrayList<>();
    boolean imports = stage.init() instanceof Init.FromPretrained;
    TrainState state =
        stage
            .init()
            .match(
                pretrained -> imported(manager, pretrained, notes),
                s -> handedOver(manager, parent, mixture, model, notes, preservation),
                c -> handedOver(manager, parent, mixture, model, notes, preservation));
    notes.forEach(note -> log.info("{}: {}", stage.name(), note));
    new StageStart(
            notes,
            imports ? null : stage.handOver(),
            preservation.isEmpty() ? null : preservation.get(0))
        .write(folder, stage.name(), record.fingerprint());
    return state;
  }

  private TrainState imported(NDManager manager, Init.FromPretrained source, List<String> notes) {
    PretrainedImporter.Imported imported =
        PretrainedImporter.read(manager, source, modelConfig, stage.resolution(), recipe.seed());
    notes.addAll(imported.notes());
    Map<String, Shape> shapes = ParameterSpecs.of(modelConfig, stage.resolution());
    return new TrainState(
        imported.parameters(),
        Parameters.zeros(manager, shapes),
        Parameters.zeros(manager, shapes),
        0,
        0,
        0,
        stage.name(),
        0);
  }

  private TrainState handedOver(
      NDManager manager,
      Parent from,
      @Nullable Mixture mixture,
      VisionLanguageModel model,
      List<String> notes,
      List<FunctionPreservation> preservation) {
    TrainingCheckpoint parent = from.checkpoint();
    HandOver how = stage.handOver();
    boolean keep = how.optimizer() == HandOver.OptimizerState.KEEP;
    boolean sameCurve = how.schedule() == HandOver.Position.CONTINUE;
    boolean sameOrder = how.data() == HandOver.DataPosition.CONTINUE;
    TrainState before = StateFiles.read(manager, parent);
    Map<String, Shape> shapes = ParameterSpecs.of(modelConfig, stage.resolution());
    notes.add("starts from " + before.order() + " at " + before.examples() + " examples");
    long tokens = before.parameters().get(POSITIONS).getShape().get(0);
    Parameters parameters;
    boolean moves = !before.parameters().get(POSITIONS).getShape().equals(shapes.get(POSITIONS));
    if (moves && how.positionEmbedding() == HandOver.PositionEmbedding.KEEP) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "stages." + stage.name() + ".handOver.positionEmbedding",
                  "is 'keep', but %s has %d image tokens and %dpx take %s; write 'resample' or keep the resolution"
                      .formatted(
                          parent.folder(), tokens, stage.resolution(), shapes.get(POSITIONS)))));
    }
    try (NDManager scope = manager.newSubManager()) {
      NDArray oldPositions = before.parameters().get(POSITIONS).duplicate();
      oldPositions.attach(scope);
      parameters = fitted(manager, before.parameters(), shapes);
      if (moves) {
        notes.add(
            "position embedding resampled from %d to %d tokens"
                .formatted(tokens, parameters.get(POSITIONS).getShape().get(0)));
        if (mixture != null) {
          compare(
                  scope,
                  model,
                  parameters,
                  oldPositions,
                  mixture,
                  sameOrder ? before.dataPosition() : 0)
              .ifPresent(
                  found -> {
                    notes.add(found.sentence());
                    preservation.add(found);
                  });
        }
      }
    }
    notes.add(
        "optimizer %s, schedule %s, data %s"
            .formatted(
                keep ? "kept (" + before.updates() + " updates)" : "reset",
                sameCurve ? "goes on at " + before.scheduleExamples() + " examples" : "restarts",
                sameOrder
                    ? "goes on at position " + before.dataPosition()
                    : "starts its own order"));
    Parameters mu =
        keep ? fitted(manager, before.mu(), shapes) : zeroed(manager, before.mu(), shapes);
    Parameters nu =
        keep ? fitted(manager, before.nu(), shapes) : zeroed(manager, before.nu(), shapes);
    return new TrainState(
        parameters,
        mu,
        nu,
        keep ? before.updates() : 0,
        0,
        sameCurve ? before.scheduleExamples() : 0,
        sameOrder ? before.order() : stage.name(),
        sameOrder ? before.dataPosition() : 0);
  }

  /** Looks at the first pictures that the stage will train on; absent where it has none. */
  private Optional<FunctionPreservation> compare(
      NDManager scope,
      VisionLanguageModel model,
      Parameters after,
      NDArray oldPositions,
      Mixture mixture,
      long position) {
    List<float[]> pictures = new ArrayList<>();
    try (Mixture.BatchStream batches =
            mixture.batches(
                position, FunctionPreservation.PICTURES, FunctionPreservation.PICTURES, 1);
        ExampleBatch batch = batches.next()) {
      FloatBuffer values = batch.images().asFloatBuffer();
      int each = 3 * batch.resolution() * batch.resolution();
      while (values.remaining() >= each && pictures.size() < FunctionPreservation.PICTURES) {
        float[] picture = new float[each];
        values.get(picture);
        pictures.add(picture);
      }
    }
    if (pictures.isEmpty()) {
      return Optional.empty();
    }
    Map<String, NDArray> old = new LinkedHashMap<>(after.asMap());
    old.put(POSITIONS, oldPositions);
    int side = (int) Math.rint(Math.sqrt((double) oldPositions.getShape().get(0)));
    return Optional.of(
        FunctionPreservation.measure(
            scope,
            model,
            new Parameters(scope, old),
            after,
            side * modelConfig.vision().patchSize(),
            stage.resolution(),
            pictures));
  }

  private static Parameters zeroed(NDManager manager, Parameters old, Map<String, Shape> shapes) {
    old.close();
    return Parameters.zeros(manager, shapes);
  }

  /**
   * The arrays with the position embedding resampled to the stage's grid; the same object when it
   * fits already.
   */
  private Parameters fitted(NDManager manager, Parameters arrays, Map<String, Shape> shapes) {
    Shape wanted = Objects.requireNonNull(shapes.get(POSITIONS), POSITIONS);
    if (arrays.get(POSITIONS).getShape().equals(wanted)) {
      return arrays;
    }
    NDManager own = manager.newSubManager();
    Map<String, NDArray> moved = new LinkedHashMap<>();
    arrays
        .asMap()
        .forEach(
            (name, array) -> {
              NDArray fits =
                  name.equals(POSITIONS)
                      ? PositionEmbeddingResampler.resample(array, Math.toIntExact(wanted.get(0)))
                      : array;
              fits.attach(own);
              moved.put(name, fits);
            });
    arrays.close();
    return new Parameters(own, moved);
  }

  // ---- Scores, facts, exports

  private void evaluate(
      String moment,
      VisionLanguageModel model,
      TrainState state,
      NDManager manager,
      StageRecord record) {
    for (String name : stage.evaluate().suites()) {
      if (stop.isMade()) {
        return; // a run that goes on comes back to this moment
      }
      if (record.score(moment, name).isPresent()) {
        continue;
      }
      log.debug("{}: scoring {} {}", stage.name(), name, moment);
      SuiteConfig suite = suite(name);
      SuiteResult result;
      try {
        result =
            new Evaluator(
                    new EvaluatedModel(
                        model,
                        Weights.of(state.parameters()),
                        tokenizer,
                        stage.resolution(),
                        stage.image(),
                        stage.textTokens(),
                        record.fingerprint() + " at " + state.examples()),
                    stage.evaluate().batchSize(),
                    manager,
                    folder.predictions(stage.name(), moment, name),
                    Selection.ALL,
                    () -> stop.obey("while scoring " + name))
                .evaluate(suite);
      } catch (StoppedException e) {
        return; // a run that goes on comes back to this moment, and to the answers it has
      }
      record.writeScore(moment, name, result);
      log.info("{}: {} {}: {}", stage.name(), name, moment, ScoreLine.of(result));
    }
  }

  private StageFacts facts(StageRecord record, Parent parent, TrainState state) {
    List<Lineage.Ancestor> ancestors =
        record.resumed().map(Lineage::ancestors).orElseGet(() -> parent.ancestors(folder));
    List<String> parents =
        record.resumed().map(Lineage::parents).orElseGet(() -> parent.ids(ancestors));
    return new StageFacts(
        recipe.name(),
        ConfigYaml.write(recipe, "run", folder.root().toString()),
        stage.name(),
        record.fingerprint(),
        record.identityValues(),
        record.data(),
        new StageFacts.Ancestry(parents, ancestors, record.accepted(), record.moves()),
        environment,
        modelConfig,
        stage.resolution(),
        stage.textTokens(),
        stage.image(),
        orientation(),
        tokenizer(),
        state.examples(),
        state.order());
  }

  private StageFacts.TrainedOrientation orientation() {
    List<StageFacts.TrainedOrientation> seen =
        stage.weightedTasks().stream()
            .map(task -> Objects.requireNonNull(recipe.tasks().get(task), task))
            .map(
                task ->
                    task.orientation() == null
                        ? StageFacts.TrainedOrientation.STORED
                        : StageFacts.TrainedOrientation.EXIF)
            .distinct()
            .toList();
    return seen.size() == 1 ? seen.get(0) : StageFacts.TrainedOrientation.MIXED;
  }

  /** Keeps a state before a step, with what the guard found in it: see {@code Capsule}. */
  private Path capsule(TrainState state, StageFacts facts, Map<String, Object> found) {
    return StateFiles.commit(
        new CheckpointStore(folder.stage(stage.name()).resolve("capsules")), state, facts, found);
  }

  /** Relative to the checkpoint's folder where it lies in the run folder, which may be moved. */
  private String tokenizer() {
    Path file = tokenizerFile.toAbsolutePath().normalize();
    return file.startsWith(folder.root())
        ? folder.checkpoints(stage.name()).resolve("any").relativize(file).toString()
        : file.toString();
  }

  private List<Path> export(Parameters parameters, Path checkpoint) {
    Optional<Lineage> lineage =
        Lineage.ifAny(checkpoint, CheckpointStore.peek(checkpoint).manifest());
    List<Path> written = new ArrayList<>();
    for (ExportConfig.Format format : ExportConfig.Format.values()) {
      if (!stage.export().formats().contains(format)) {
        continue;
      }
      boolean huggingFace = format == ExportConfig.Format.HUGGINGFACE;
      Path target =
          folder.export(stage.name()).resolve(huggingFace ? "huggingface" : "big_vision.npz");
      String name =
          "%s %s".formatted(ConfigYaml.word(format), ConfigYaml.word(stage.export().precision()));
      written.add(target);
      if (lineage.filter(l -> l.isWholeExport(target, name)).isPresent()) {
        log.info("{}: {} stands as it was exported", stage.name(), target);
        continue;
      }
      log.debug("{}: exporting {}", stage.name(), format);
      if (huggingFace) {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.of(tokenizerFile);
        ModelExporter.huggingFace(
            target,
            parameters,
            modelConfig,
            stage.resolution(),
            stage.export().precision(),
            new ExportedProcessor(
                stage.image().resize(), tokenizer.imageToken(), tokenizer.files()));
      } else {
        ModelExporter.bigVision(
            target, parameters, modelConfig, stage.resolution(), stage.export().precision());
      }
      lineage.ifPresent(l -> l.writeBeside(target, name));
      log.info("{}: exported {}", stage.name(), target);
    }
    return written;
  }
}
