package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.Precision;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Parameters in this process's memory or on its disk, lent without copies. */
record LocalWeights(
    Parameters parameters,
    Predicate<String> trained,
    Parameters gradients,
    boolean isStreamed,
    Precision products)
    implements Weights {
  /**
   * Parameters that are lent as they are.
   *
   * @param streamed whether what is on disk comes to memory for each block, and not page by page
   */
  LocalWeights(
      Parameters parameters, Predicate<String> trained, Parameters gradients, boolean streamed) {
    this(
        parameters, trained, gradients, streamed && parameters.isStreamed(), parameters.products());
  }

  @Override
  public boolean isTrained(String name) {
    return trained.test(name);
  }

  @Override
  public Lease take(BlockSpec block) {
    return new LocalLease(block);
  }

  private final class LocalLease implements Lease {
    private final BlockSpec block;
    private final Map<String, NDArray> arrays = new LinkedHashMap<>();
    private final List<Parameters.Loan> loans = new ArrayList<>();

    LocalLease(BlockSpec block) {
      this.block = block;
    }

    @Override
    public Map<String, NDArray> arrays() {
      if (arrays.isEmpty()) {
        for (BlockSpec.Parameter parameter : block.parameters()) {
          arrays.put(parameter.name(), array(block.name(parameter)));
        }
      }
      return arrays;
    }

    private NDArray array(String name) {
      if (!isStreamed) {
        return parameters.get(name);
      }
      Parameters.Loan loan = parameters.lend(name, false);
      loans.add(loan);
      return loan.array();
    }

    @Override
    public void add(Map<String, NDArray> added) {
      added.forEach((name, gradient) -> gradients.add(block.path() + "/" + name, gradient));
    }

    @Override
    public NDArray sum(String parameter) {
      return gradients.settled(block.path() + "/" + parameter);
    }

    @Override
    public void close() {
      loans.forEach(Parameters.Loan::close);
    }
  }
}
