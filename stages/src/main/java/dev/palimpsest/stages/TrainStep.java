package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.model.Loss;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * One optimizer step: gradients of every micro batch are added up with the weight that makes them
 * those of one large batch, then the parameters move once.
 */
public final class TrainStep {
  private final PaliGemma model;
  private final StageConfig stage;
  private final ParameterGroups groups;
  private final AdamW optimizer;
  private final long seed;

  /**
   * A step of a stage.
   *
   * @param seed the run's seed; dropout masks are a function of it, the stage's name and the
   *     mixture position
   */
  public TrainStep(
      PaliGemma model, StageConfig stage, ParameterGroups groups, AdamW optimizer, long seed) {
    this.model = model;
    this.stage = stage;
    this.groups = groups;
    this.optimizer = optimizer;
    this.seed = seed ^ ((long) stage.name().hashCode() << 32);
  }

  /**
   * Moves the parameters and moments of {@code state} in place.
   *
   * @param parent everything made here lives in children of it and is gone on return
   * @param next gives the next micro batch, its arrays in the manager it is handed
   * @return what happened; times and waiting are the caller's to add
   * @throws NonFiniteException before the update, when the loss or the gradient norm is not a
   *     number
   */
  public Outcome run(NDManager parent, TrainState state, Function<NDManager, MicroBatch> next) {
    int microBatches = stage.batchSize() / stage.microBatchSize();
    double weight = 1.0 / microBatches;
    try (NDManager step = parent.newSubManager();
        Parameters gradients = Parameters.zeros(step, trainedShapes(state.parameters()))) {
      double loss = 0;
      long supervised = 0;
      long examples = 0;
      int most = 0;
      String position = "";
      for (int m = 0; m < microBatches; m++) {
        try (NDManager micro = step.newSubManager();
            MicroBatch batch = next.apply(micro)) {
          position = m == 0 ? batch.position() : position + "; " + batch.position();
          Loss part =
              model.accumulateGradients(
                  state.parameters(),
                  batch.input(),
                  new LossOptions(
                      stage.labelSmoothing(), stage.dropout(), seed + batch.index(), weight),
                  groups::trains,
                  gradients);
          loss += weight * part.mean();
          for (int tokens : part.supervisedTokens()) {
            supervised += tokens;
            most = Math.max(most, tokens);
            examples++;
          }
        }
      }
      guard("loss", loss, state, position);
      double gradientNorm = optimizer.gradientNorm(gradients);
      guard("gradient norm", gradientNorm, state, position);
      AdamW.Norms norms = optimizer.update(state, gradients, gradientNorm);
      return new Outcome(
          loss,
          gradientNorm,
          norms.update(),
          norms.parameters(),
          (double) supervised / examples,
          most,
          optimizer.learningRates(state.scheduleExamples()));
    }
  }

  private Map<String, Shape> trainedShapes(Parameters parameters) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    groups.trained().forEach(name -> shapes.put(name, parameters.get(name).getShape()));
    return shapes;
  }

  private void guard(String metric, double value, TrainState state, String position) {
    if (!Double.isFinite(value)) {
      throw new NonFiniteException(
          ("stage %s stopped before update %d: the %s is %s at %s. Parameters are still those of the last update. "
                  + "Look at these examples, lower optimizer.learningRate or lengthen the warm-up")
              .formatted(
                  stage.name(), state.examples() / stage.batchSize() + 1, metric, value, position));
    }
  }

  /**
   * What one step did.
   *
   * @param loss mean over the batch of the mean over each example's supervised tokens
   * @param gradientNorm L2 over trained parameters, before clipping
   * @param updateNorm L2 of what was subtracted
   * @param parameterNorm L2 of all trained parameters after the update
   * @param meanSupervisedTokens mean supervised tokens an example
   * @param maxSupervisedTokens the most supervised tokens of one example
   * @param learningRates effective rate (base x multiplier x schedule) by group pattern
   */
  public record Outcome(
      double loss,
      double gradientNorm,
      double updateNorm,
      double parameterNorm,
      double meanSupervisedTokens,
      int maxSupervisedTokens,
      Map<String, Double> learningRates) {}
}
