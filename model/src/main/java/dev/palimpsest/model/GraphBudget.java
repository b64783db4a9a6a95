package dev.palimpsest.model;

import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.model.kernels.Kernels;
import java.util.function.LongSupplier;

/**
 * Bytes that blocks' graphs may use: a constant on a CPU; on a GPU the memory that is free when the
 * first training pass begins, because parameters, gradients and moments are there by then. This
 * affects speed, not results.
 */
final class GraphBudget implements LongSupplier {
  private static final long UNKNOWN = -1;

  private final Kernels kernels;
  private long bytes = UNKNOWN;

  GraphBudget(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public synchronized long getAsLong() {
    if (bytes == UNKNOWN) {
      bytes =
          kernels.freeBytes().stream()
              .map(ModelCost::graphBudget)
              .findFirst()
              .orElse(ModelCost.GRAPH_BUDGET);
    }
    return bytes;
  }
}
