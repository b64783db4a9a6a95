package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Weights that write down who took them, and how many leases are open. */
public final class CountedWeights implements Weights {
  public final List<String> taken = new ArrayList<>();
  public int open;
  private final Weights weights;

  public CountedWeights(Weights weights) {
    this.weights = weights;
  }

  @Override
  public boolean isTrained(String name) {
    return weights.isTrained(name);
  }

  @Override
  public Precision products() {
    return weights.products();
  }

  @Override
  public Lease take(BlockSpec block) {
    taken.add(block.path());
    open++;
    Lease lease = weights.take(block);
    return new Lease() {
      private boolean closed;

      private void requireOpen() {
        if (closed) {
          throw new IllegalStateException("the lease of " + block.path() + " is closed");
        }
      }

      @Override
      public Map<String, NDArray> arrays() {
        requireOpen();
        return lease.arrays();
      }

      @Override
      public void add(Map<String, NDArray> gradients) {
        requireOpen();
        lease.add(gradients);
      }

      @Override
      public NDArray sum(String parameter) {
        requireOpen();
        return lease.sum(parameter);
      }

      @Override
      public void close() {
        requireOpen();
        closed = true;
        open--;
        lease.close();
      }
    };
  }
}
