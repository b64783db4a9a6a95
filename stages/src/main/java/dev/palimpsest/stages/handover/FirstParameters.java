package dev.palimpsest.stages.handover;

import static java.util.stream.Collectors.joining;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.PositionEmbeddingResampler;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Creates a stage's state before its first step from another stage's checkpoint. */
public final class FirstParameters {
  private static final Logger log = LoggerFactory.getLogger(FirstParameters.class);
  private static final String POSITIONS = "vision/position_embedding";

  private final StageConfig stage;
  private final ModelConfig config;
  private final VisionLanguageModel model;
  private final @Nullable Mixture mixture;
  private final long seed;

  /**
   * The first parameters of a stage.
   *
   * @param seed of parameters that are initialised anew
   * @param config the model as the stage computes it
   * @param model encodes pictures whole; towers are compared with it
   * @param mixture the stage's; null when it does not train
   */
  public FirstParameters(
      StageConfig stage,
      ModelConfig config,
      VisionLanguageModel model,
      @Nullable Mixture mixture,
      long seed) {
    this.seed = seed;
    this.stage = stage;
    this.config = config;
    this.model = model;
    this.mixture = mixture;
  }

  /**
   * A state before the first step.
   *
   * @param told the contents of {@code start.json}
   */
  public record Start(TrainState state, StageStart told) {}

  /** Takes over from another stage's checkpoint; the state lives in children of the manager. */
  public Start handedOver(NDManager manager, TrainingCheckpoint parent) {
    List<String> notes = new ArrayList<>();
    @Nullable FunctionPreservation preservation = null;
    HandOver how = stage.handOver();
    boolean keep = how.optimizer() == HandOver.OptimizerState.KEEP;
    boolean sameCurve = how.schedule() == HandOver.Position.CONTINUE;
    boolean sameOrder = how.data() == HandOver.DataPosition.CONTINUE;
    TrainState before = StateFiles.read(manager, parent);
    Map<String, Shape> shapes = ParameterSpecs.of(config, stage.resolution());
    notes.add(
        "starts from %s at %d examples"
            .formatted(StageFacts.of(parent).stage(), before.examples()));
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
    if (keep && stage.examples() > 0 && !before.moments().isEmpty()) {
      requireKind(parent, before.moments().keySet());
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
          preservation =
              compare(
                  scope, parameters, oldPositions, mixture, sameOrder ? before.dataPosition() : 0);
        }
        if (preservation != null) {
          notes.add(preservation.sentence());
        }
      }
    }
    if (!how.reset().isEmpty()) {
      Initialization.again(parameters, config, stage.resolution(), seed, this::isReset);
      notes.add(
          "initialised anew: "
              + how.reset().stream().map(ConfigYaml::word).sorted().collect(joining(", ")));
    }
    notes.add(
        "optimizer %s, schedule %s, data %s"
            .formatted(
                keep ? "kept (" + before.updates() + " updates)" : "reset",
                sameCurve ? "continues at " + before.scheduleExamples() + " examples" : "restarts",
                sameOrder
                    ? "continues at position " + before.dataPosition()
                    : "starts its own order"));
    Map<String, Parameters> moments = new LinkedHashMap<>();
    before
        .moments()
        .forEach(
            (kind, arrays) -> {
              if (keep) {
                Parameters kept = fitted(manager, arrays, shapes);
                kept.asMap()
                    .forEach(
                        (name, moment) -> {
                          if (isReset(name)) {
                            clear(moment);
                          }
                        });
                moments.put(kind, kept);
              } else {
                arrays.close();
              }
            });
    TrainState state =
        new TrainState(
            parameters,
            moments,
            keep ? before.updates() : 0,
            0,
            sameCurve ? before.scheduleExamples() : 0,
            sameOrder ? before.order() : stage.name(),
            sameOrder ? before.dataPosition() : 0);
    return new Start(state, new StageStart(notes, how, preservation));
  }

  private static void clear(NDArray moment) {
    try (NDArray zeros =
        FloatArrays.zeros(moment.getManager(), moment.getShape(), FloatArrays.type(moment))) {
      FloatArrays.assign(moment, zeros);
    }
  }

  /** Whether a parameter, or what a moment keeps of it, starts anew. */
  private boolean isReset(String name) {
    return stage.handOver().reset().stream()
        .anyMatch(part -> name.startsWith(ConfigYaml.word(part) + "/"));
  }

  /**
   * The stages of one recipe are compared when it is read, but a checkpoint may come from anywhere.
   */
  private void requireKind(TrainingCheckpoint parent, Set<String> kinds) {
    Set<String> wanted = Optimizer.kinds(stage.requiredOptimizer());
    if (!kinds.equals(wanted)) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "stages." + stage.name() + ".handOver.optimizer",
                  "is 'keep', but %s has the moments %s and this stage's %s has %s; write 'reset'"
                      .formatted(
                          parent.folder(),
                          String.join(", ", kinds),
                          stage.requiredOptimizer().algorithm(),
                          String.join(", ", wanted)))));
    }
  }

  /**
   * Compares the towers on the first pictures that the stage will train on; null if it has none.
   */
  private @Nullable FunctionPreservation compare(
      NDManager scope, Parameters after, NDArray oldPositions, Mixture mixture, long position) {
    List<float[]> pictures = new ArrayList<>();
    int encoded = config.vision().encodedSide(stage.resolution());
    try (Mixture.BatchStream batches =
            mixture.batches(
                position, FunctionPreservation.PICTURES, FunctionPreservation.PICTURES, 1);
        ExampleBatch batch = batches.next()) {
      FloatBuffer values = batch.images().asFloatBuffer();
      int each = 3 * batch.resolution() * batch.resolution();
      while (values.remaining() >= each && pictures.size() < FunctionPreservation.PICTURES) {
        float[] picture = new float[each];
        values.get(picture);
        pictures.add(
            encoded == batch.resolution()
                ? picture
                : FunctionPreservation.averaged(picture, batch.resolution(), 3, encoded));
      }
    }
    if (pictures.isEmpty()) {
      return null;
    }
    Map<String, NDArray> old = new LinkedHashMap<>(after.asMap());
    old.put(POSITIONS, oldPositions);
    int side = (int) Math.rint(Math.sqrt((double) oldPositions.getShape().get(0)));
    log.info(
        "{}: comparing image features of {} pictures at {} and {}px",
        stage.name(),
        pictures.size(),
        side * config.vision().patchSize(),
        encoded);
    return FunctionPreservation.measure(
        scope,
        model,
        new Parameters(scope, old),
        after,
        side * config.vision().patchSize(),
        encoded,
        pictures);
  }

  /**
   * The arrays with the position embedding, or what moments keep of it, resampled to the stage's
   * grid; the same object if it already fits. Moments of positions that cannot be resampled, such
   * as means over all of them, start anew.
   */
  private Parameters fitted(NDManager manager, Parameters arrays, Map<String, Shape> shapes) {
    Shape wanted = Objects.requireNonNull(shapes.get(POSITIONS), POSITIONS);
    if (!arrays.contains(POSITIONS) || arrays.get(POSITIONS).getShape().equals(wanted)) {
      return arrays;
    }
    NDManager own = manager.newSubManager();
    Map<String, NDArray> moved = new LinkedHashMap<>();
    arrays
        .asMap()
        .forEach(
            (name, array) -> {
              if (!name.equals(POSITIONS)) {
                array.attach(own);
                moved.put(name, array);
              } else if (array.getShape().dimension() == 2) {
                moved.put(name, resampled(own, array, Math.toIntExact(wanted.get(0))));
              }
            });
    arrays.close();
    return new Parameters(own, moved);
  }

  /** In the array's own number format. */
  private static NDArray resampled(NDManager own, NDArray positions, int tokens) {
    Precision type = FloatArrays.type(positions);
    try (NDManager scope = own.newSubManager()) {
      NDArray values = FloatArrays.converted(scope, positions, Precision.F32);
      NDArray moved = PositionEmbeddingResampler.resample(values, tokens);
      moved.attach(scope);
      return FloatArrays.converted(own, moved, type);
    }
  }
}
