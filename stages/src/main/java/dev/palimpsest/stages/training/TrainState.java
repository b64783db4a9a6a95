package dev.palimpsest.stages.training;

import dev.palimpsest.model.blocks.Parameters;

/**
 * All that a stage carries from step to step. What is not here is a pure function of the recipe and
 * these numbers.
 *
 * @param parameters float32 master parameters
 * @param mu Adam's first moment
 * @param nu Adam's second moment
 * @param updates updates that Adam's moments have seen
 * @param examples examples seen in this stage
 * @param scheduleStart examples that lie before this stage on its learning-rate curve
 * @param order name under which the mixture's order is drawn
 * @param dataStart mixture position of this stage's first example
 * @param guard what the stage's guard remembers
 * @param consumed the examples seen in this stage
 */
public record TrainState(
    Parameters parameters,
    Parameters mu,
    Parameters nu,
    long updates,
    long examples,
    long scheduleStart,
    String order,
    long dataStart,
    GuardState guard,
    Consumed consumed) {
  /** A state whose guard remembers nothing and that has consumed nothing. */
  public TrainState(
      Parameters parameters,
      Parameters mu,
      Parameters nu,
      long updates,
      long examples,
      long scheduleStart,
      String order,
      long dataStart) {
    this(
        parameters,
        mu,
        nu,
        updates,
        examples,
        scheduleStart,
        order,
        dataStart,
        GuardState.START,
        Consumed.NOTHING);
  }

  /** The same arrays, one step on. */
  TrainState after(int batchSize, GuardState remembered) {
    return new TrainState(
        parameters,
        mu,
        nu,
        updates + 1,
        examples + batchSize,
        scheduleStart,
        order,
        dataStart,
        remembered,
        consumed);
  }

  /** The same arrays, with a batch used up that moved nothing. */
  TrainState skipping(int batchSize, GuardState remembered) {
    return new TrainState(
        parameters,
        mu,
        nu,
        updates,
        examples + batchSize,
        scheduleStart,
        order,
        dataStart,
        remembered,
        consumed);
  }

  /** The same, knowing what it has consumed. */
  TrainState consuming(Consumed now) {
    return new TrainState(
        parameters, mu, nu, updates, examples, scheduleStart, order, dataStart, guard, now);
  }

  /** Position on the learning-rate curve, in examples. */
  public long scheduleExamples() {
    return scheduleStart + examples;
  }

  /** Mixture position of the next example. */
  public long dataPosition() {
    return dataStart + examples;
  }
}
