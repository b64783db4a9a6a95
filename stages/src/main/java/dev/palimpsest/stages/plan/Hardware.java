package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import java.util.Optional;

/**
 * What a recipe is planned for.
 *
 * @param device its name, for people
 * @param count devices
 * @param memoryBytes of each; 0: unknown
 * @param peak of each
 * @param mfu share of the peak that model FLOPs reach, assumed or measured
 * @param sharding of the state
 * @param price of a device-hour; 0: unknown
 */
public record Hardware(
    String device,
    int count,
    long memoryBytes,
    Peak peak,
    double mfu,
    Sharding sharding,
    double price) {
  /** One processor of unknown speed. */
  public static final Hardware UNKNOWN =
      new Hardware("cpu", 1, 0, new Peak(0, 0), 1, Sharding.REPLICATED, 0);

  /**
   * Operations a second.
   *
   * @param bf16 0: unknown
   * @param f32 0: unknown
   */
  public record Peak(double bf16, double f32) {
    double of(Precision precision) {
      return precision == Precision.BF16 ? bf16 : f32;
    }
  }

  /** Model FLOPs a second of all devices together, if known. */
  Optional<Double> rate(Precision precision) {
    double rate = count * peak.of(precision) * mfu;
    return rate > 0 ? Optional.of(rate) : Optional.empty();
  }

  /**
   * Bytes for blocks' graphs.
   *
   * @param state bytes of parameters, gradients and moments on a device
   */
  long graphBudget(long state) {
    return memoryBytes == 0
        ? ModelCost.GRAPH_BUDGET
        : ModelCost.graphBudget(Math.max(0, memoryBytes - state));
  }

  /** Logits in memory at a time. */
  long logits() {
    return ModelCost.logits(memoryBytes > 0);
  }
}
