package dev.palimpsest.stages.state;

import dev.palimpsest.model.blocks.Parameters;
import java.util.Map;

/**
 * Everything that a stage carries from step to step. All else is a pure function of the recipe and
 * these numbers.
 *
 * @param parameters float32 master parameters
 * @param moments the optimizer's, by name: {@code mu} and {@code nu} for Adam; absent ones are zero
 * @param updates number of updates in the moments
 * @param examples examples seen in this stage
 * @param scheduleStart examples before this stage on its learning-rate curve
 * @param order name from which the mixture's order is drawn
 * @param dataStart mixture position of this stage's first example
 * @param guard what the stage's guard remembers
 * @param consumed the examples seen in this stage
 */
public record TrainState(
    Parameters parameters,
    Map<String, Parameters> moments,
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
      Map<String, Parameters> moments,
      long updates,
      long examples,
      long scheduleStart,
      String order,
      long dataStart) {
    this(
        parameters,
        moments,
        updates,
        examples,
        scheduleStart,
        order,
        dataStart,
        GuardState.START,
        Consumed.NOTHING);
  }

  /** Bytes of the parameters and moments that stay in memory. */
  public long memoryBytes() {
    return parameters.memoryBytes()
        + moments.values().stream().mapToLong(Parameters::memoryBytes).sum();
  }

  /** A step begins that uses the same arrays as the last one, in the same order. */
  public void beginStep() {
    parameters.beginStep();
    moments.values().forEach(Parameters::beginStep);
  }

  /** Whether arrays come to memory when they are lent. */
  public boolean isStreamed() {
    return parameters.isStreamed() || moments.values().stream().anyMatch(Parameters::isStreamed);
  }

  /** The same arrays, one step later. */
  public TrainState after(int batchSize, GuardState remembered) {
    return new TrainState(
        parameters,
        moments,
        updates + 1,
        examples + batchSize,
        scheduleStart,
        order,
        dataStart,
        remembered,
        consumed);
  }

  /** The same arrays, with a batch consumed without an update. */
  public TrainState skipping(int batchSize, GuardState remembered) {
    return new TrainState(
        parameters,
        moments,
        updates,
        examples + batchSize,
        scheduleStart,
        order,
        dataStart,
        remembered,
        consumed);
  }

  /** The same with other consumed examples. */
  public TrainState consuming(Consumed now) {
    return new TrainState(
        parameters, moments, updates, examples, scheduleStart, order, dataStart, guard, now);
  }

  /** The same with other arrays. */
  public TrainState with(Parameters otherParameters, Map<String, Parameters> otherMoments) {
    return new TrainState(
        otherParameters,
        otherMoments,
        updates,
        examples,
        scheduleStart,
        order,
        dataStart,
        guard,
        consumed);
  }

  /**
   * Moments by name.
   *
   * @throws IllegalArgumentException when there are none: an optimizer makes them before the first
   *     update
   */
  public Parameters moments(String kind) {
    Parameters found = moments.get(kind);
    if (found == null) {
      throw new IllegalArgumentException("the state has no moments " + kind);
    }
    return found;
  }

  /** Frees the arrays, in memory and on disk. The numbers remain. */
  public void close() {
    parameters.close();
    moments.values().forEach(Parameters::close);
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
