package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Parameters in this process's memory, lent without copies. */
record LocalWeights(
    Parameters parameters, Predicate<String> trained, Parameters gradients, Precision products)
    implements Weights {
  LocalWeights(Parameters parameters, Predicate<String> trained, Parameters gradients) {
    this(parameters, trained, gradients, products(parameters));
  }

  /** Found once: decoding asks for it at every token. */
  private static Precision products(Parameters parameters) {
    return parameters.asMap().values().stream()
            .anyMatch(array -> FloatArrays.type(array) == Precision.BF16)
        ? Precision.BF16
        : Precision.F32;
  }

  @Override
  public boolean isTrained(String name) {
    return trained.test(name);
  }

  @Override
  public Lease take(BlockSpec block) {
    return new LocalLease(block, parameters.of(block));
  }

  private final class LocalLease implements Lease {
    private final BlockSpec block;
    private final Map<String, NDArray> arrays;

    LocalLease(BlockSpec block, Map<String, NDArray> arrays) {
      this.block = block;
      this.arrays = arrays;
    }

    @Override
    public Map<String, NDArray> arrays() {
      return arrays;
    }

    @Override
    public void add(Map<String, NDArray> added) {
      added.forEach((name, gradient) -> FloatArrays.accumulate(total(name), gradient));
    }

    @Override
    public NDArray sum(String parameter) {
      NDArray total = total(parameter);
      FloatArrays.settle(List.of(total));
      return total;
    }

    private NDArray total(String parameter) {
      return gradients.get(block.path() + "/" + parameter);
    }

    @Override
    public void close() {}
  }
}
