package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.Precision;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Parameters whose gradients are taken over one by one while the pass goes on, each as soon as it
 * and those before it are whole. Their order is given, so that processes whose passes differ, one
 * without pictures for example, take over the same ones after one another.
 */
final class GradientsInTurn implements Weights {
  private final Weights weights;
  private final List<String> order;
  private final Consumer<String> whole;
  private final Set<String> ready = new HashSet<>();
  private int next;

  GradientsInTurn(Weights weights, List<String> order, Consumer<String> whole) {
    this.weights = weights;
    this.order = order;
    this.whole = whole;
  }

  @Override
  public Precision products() {
    return weights.products();
  }

  @Override
  public boolean isTrained(String name) {
    return weights.isTrained(name);
  }

  @Override
  public boolean anyone(boolean mine) {
    return weights.anyone(mine);
  }

  @Override
  public boolean isGathered() {
    return weights.isGathered();
  }

  @Override
  public boolean isStreamed() {
    return weights.isStreamed();
  }

  @Override
  public Lease take(BlockSpec block) {
    return new LeaseInTurn(block, weights.take(block));
  }

  @Override
  public void complete(BlockSpec block) {
    weights.complete(block);
    block.parameters().forEach(parameter -> ready.add(block.name(parameter)));
    handOver();
  }

  /** The pass is over: those to which nothing was added are whole too. */
  @Override
  public void close() {
    weights.close();
    ready.addAll(order);
    handOver();
  }

  private void handOver() {
    while (next < order.size() && ready.contains(order.get(next))) {
      whole.accept(order.get(next++));
    }
  }

  private final class LeaseInTurn implements Lease {
    private final BlockSpec block;
    private final Lease lease;

    LeaseInTurn(BlockSpec block, Lease lease) {
      this.block = block;
      this.lease = lease;
    }

    @Override
    public Map<String, NDArray> arrays() {
      return lease.arrays();
    }

    @Override
    public void add(Map<String, NDArray> gradients) {
      for (String name : gradients.keySet()) {
        if (!ready.add(block.path() + "/" + name)) {
          throw new IllegalStateException(
              "the gradient of %s/%s was whole already".formatted(block.path(), name));
        }
      }
      lease.add(gradients);
      handOver();
    }

    @Override
    public void useNothing() {
      lease.useNothing();
    }

    @Override
    public void addNothing() {
      lease.addNothing();
    }

    @Override
    public NDArray sum(String parameter) {
      return lease.sum(parameter);
    }

    @Override
    public void close() {
      lease.close();
    }
  }
}
