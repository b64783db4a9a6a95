package dev.palimpsest.stages;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.ModelExporter;
import dev.palimpsest.checkpoints.PositionEmbeddingResampler;
import dev.palimpsest.checkpoints.PretrainedImporter;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.ConfigYaml;
import dev.palimpsest.configs.ExportConfig;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.Kernels;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.Parameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
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

  StageRunner(
      PipelineConfig recipe,
      StageConfig stage,
      RunFolder folder,
      Tokenizer tokenizer,
      Kernels kernels,
      Progress progress) {
    this.recipe = recipe;
    this.stage = stage;
    this.modelConfig = stage.model(recipe.model());
    this.folder = folder;
    this.tokenizer = tokenizer;
    this.tokenizerFile = Path.of(recipe.tokenizer().path());
    this.kernels = kernels;
    this.progress = progress;
  }

  /**
   * Runs the stage, or reads its result when it was finished before.
   *
   * @param runManager everything made here lives in a child of it and is gone on return
   * @param tokenizerHash SHA-256 of the tokenizer file
   * @param finished the recipe's earlier stages by name
   * @throws InvalidConfigException when the folder holds this stage with other settings, or the
   *     recipe does not fit what it starts from
   */
  StageResult run(NDManager runManager, String tokenizerHash, Map<String, StageResult> finished) {
    Parent parent = Parent.of(stage, finished);
    try (NDManager manager = runManager.newSubManager();
        @Nullable Mixture mixture = stage.examples() == 0 ? null : openMixture(parent)) {
      StageIdentity identity =
          new StageIdentity(
              recipe.seed(),
              recipe.model(),
              tokenizerHash,
              mixture == null ? "" : mixture.fingerprint(),
              parent.fingerprint(),
              stage);
      StageRecord record = new StageRecord(folder, identity);
      Optional<StageResult> before = record.read();
      if (before.isPresent()) {
        log.info("{}: finished before, taken as it is", stage.name());
        return before.get();
      }
      return train(manager, parent, mixture, record);
    }
  }

  private Mixture openMixture(Parent parent) {
    return Mixture.open(
        recipe.seed(),
        parent.order(),
        recipe.tasks(),
        stage.mixture(),
        stage.image(),
        stage.resolution(),
        stage.textTokens(),
        tokenizer);
  }

  private StageResult train(
      NDManager manager, Parent parent, @Nullable Mixture mixture, StageRecord record) {
    long began = System.nanoTime();
    // ---- Where the stage stands
    CheckpointStore store = new CheckpointStore(folder.checkpoints(stage.name()));
    Optional<TrainingCheckpoint> own = store.latest();
    own.ifPresent(record::requireSame);
    List<String> notes = new ArrayList<>();
    TrainState state =
        own.map(c -> StateFiles.read(manager, c)).orElseGet(() -> first(manager, parent, notes));
    if (own.isPresent()) {
      notes.add("went on from its checkpoint at " + state.examples() + " examples");
    }
    notes.forEach(note -> log.info("{}: {}", stage.name(), note));
    PaliGemma model = new PaliGemma(modelConfig, stage.precision(), kernels);

    // ---- Training, with scores before and at the recipe's cadence
    if (mixture != null && state.examples() < stage.examples()) {
      if (state.examples() == 0 && stage.evaluate().before()) {
        evaluate("before", model, state, manager, record);
      }
      state =
          new TrainingLoop(
                  stage,
                  model,
                  Packing.of(stage, modelConfig),
                  kernels,
                  mixture,
                  recipe.seed(),
                  folder.metrics(stage.name()),
                  progress)
              .run(
                  manager,
                  state,
                  (s, found) -> capsule(s, facts(record), found),
                  s -> {
                    StateFiles.commit(store, s, facts(record));
                    store.retain(stage.checkpoint().keepLast(), Set.of());
                  },
                  (moment, s) -> evaluate(moment, model, s, manager, record));
    }

    // ---- What the stage leaves
    long end = state.examples();
    Path last =
        own.filter(c -> StateFiles.examples(c) == end).map(TrainingCheckpoint::folder).orElse(null);
    if (last == null) {
      last = StateFiles.commit(store, state, facts(record));
    }
    store.retain(1, Set.of(last.getFileName().toString()));
    if (stage.evaluate().after()) {
      evaluate("after", model, state, manager, record);
    }
    StageResult result =
        new StageResult(
            stage.name(),
            record.fingerprint(),
            last,
            record.scores(),
            notes,
            export(state.parameters()),
            (System.nanoTime() - began) / 1e9);
    record.write(result);
    return result;
  }

  // ---- The first parameters

  private TrainState first(NDManager manager, Parent parent, List<String> notes) {
    return stage
        .init()
        .match(
            pretrained -> imported(manager, pretrained, notes),
            s -> handedOver(manager, parent.checkpoint(), notes),
            c -> handedOver(manager, parent.checkpoint(), notes));
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

  private TrainState handedOver(NDManager manager, TrainingCheckpoint parent, List<String> notes) {
    HandOver how = stage.handOver();
    boolean keep = how.optimizer() == HandOver.OptimizerState.KEEP;
    boolean sameCurve = how.schedule() == HandOver.Position.CONTINUE;
    boolean sameOrder = how.data() == HandOver.DataPosition.CONTINUE;
    TrainState before = StateFiles.read(manager, parent);
    Map<String, Shape> shapes = ParameterSpecs.of(modelConfig, stage.resolution());
    notes.add("starts from " + before.order() + " at " + before.examples() + " examples");
    long tokens = before.parameters().get(POSITIONS).getShape().get(0);
    Parameters parameters = fitted(manager, before.parameters(), shapes);
    if (parameters != before.parameters()) {
      notes.add(
          "position embedding resampled from %d to %d tokens"
              .formatted(tokens, parameters.get(POSITIONS).getShape().get(0)));
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
      String moment, PaliGemma model, TrainState state, NDManager manager, StageRecord record) {
    for (String name : stage.evaluate().suites()) {
      if (record.score(moment, name).isPresent()) {
        continue;
      }
      SuiteConfig suite = Objects.requireNonNull(recipe.suites().get(name), name);
      SuiteResult result =
          Evaluator.evaluate(
              suite,
              model,
              state.parameters(),
              stage.resolution(),
              stage.textTokens(),
              stage.image(),
              tokenizer,
              stage.evaluate().batchSize(),
              manager,
              folder.predictions(stage.name(), moment, name));
      record.writeScore(moment, name, result);
      log.info("{}: {} {}: {}", stage.name(), name, moment, ScoreLine.of(result));
    }
  }

  /**
   * What a checkpoint says of itself beside its arrays: enough to predict with it and to know where
   * it comes from.
   */
  private Map<String, Object> facts(StageRecord record) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("recipe", recipe.name());
    facts.put("recipeYaml", ConfigYaml.write(recipe, "run", folder.root().toString()));
    facts.put("stage", stage.name());
    facts.put("fingerprint", record.fingerprint());
    facts.put("identity", record.identityValues());
    facts.put("model", modelConfig);
    facts.put("resolution", stage.resolution());
    facts.put("textTokens", stage.textTokens());
    facts.put("image", stage.image());
    facts.put("tokenizer", tokenizerFile.toAbsolutePath().normalize().toString());
    return facts;
  }

  /** Keeps a state before a step, with what the guard found in it: see {@link Capsule}. */
  private Path capsule(TrainState state, Map<String, Object> facts, Map<String, Object> found) {
    facts.put("capsule", found);
    return StateFiles.commit(
        new CheckpointStore(folder.stage(stage.name()).resolve("capsules")), state, facts);
  }

  private List<Path> export(Parameters parameters) {
    List<Path> written = new ArrayList<>();
    for (ExportConfig.Format format : ExportConfig.Format.values()) {
      if (!stage.export().formats().contains(format)) {
        continue;
      }
      boolean huggingFace = format == ExportConfig.Format.HUGGINGFACE;
      Path target =
          folder.export(stage.name()).resolve(huggingFace ? "huggingface" : "big_vision.npz");
      if (huggingFace) {
        ModelExporter.huggingFace(
            target,
            parameters,
            modelConfig,
            stage.resolution(),
            stage.export().precision(),
            tokenizerFile);
      } else {
        ModelExporter.bigVision(
            target, parameters, modelConfig, stage.resolution(), stage.export().precision());
      }
      log.info("{}: exported {}", stage.name(), target);
      written.add(target);
    }
    return written;
  }
}
