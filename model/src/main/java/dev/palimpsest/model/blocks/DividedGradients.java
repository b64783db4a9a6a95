package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.ranks.Parts;
import dev.palimpsest.model.ranks.RankGrid;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Parameters whose gradients are summed over the ranks as soon as a block has them, so that a rank
 * keeps only its part (ZeRO-2). All ranks take blocks that need gradients in the same order; see
 * {@link #anyone}.
 *
 * <p>A parameter to which gradients are added from several places ({@link Lease#sum}) is summed
 * over the ranks in {@link #close}, after all of them.
 */
final class DividedGradients implements Weights {
  private final Weights parameters;
  private final Predicate<String> trained;
  private final Parameters gradients;
  private final Function<String, Parts> parts;
  private final RankGrid ranks;

  /** Whole gradients of parameters that are not summed yet, by full name. */
  private final Map<String, NDArray> waiting = new LinkedHashMap<>();

  DividedGradients(
      Weights parameters,
      Predicate<String> trained,
      Parameters gradients,
      Function<String, Parts> parts,
      RankGrid ranks) {
    this.parameters = parameters;
    this.trained = trained;
    this.gradients = gradients;
    this.parts = parts;
    this.ranks = ranks;
  }

  @Override
  public Precision products() {
    return parameters.products();
  }

  @Override
  public boolean isTrained(String name) {
    return trained.test(name);
  }

  @Override
  public boolean anyone(boolean mine) {
    return ranks.all().any(mine);
  }

  @Override
  public boolean isGathered() {
    return parameters.isGathered();
  }

  @Override
  public Lease take(BlockSpec block) {
    return new DividedLease(block, parameters.take(block));
  }

  /** Adds the sum of a whole gradient over the ranks to this rank's part, and frees it. */
  private void reduce(String name, NDArray whole) {
    Parts divided = parts.apply(name);
    ranks.reduceScatter(whole, divided);
    int rank = ranks.within().rank();
    if (divided.length(rank) > 0) {
      try (NDArray own = divided.of(whole, rank)) {
        gradients.get(name).addi(own);
      }
    }
    whole.close();
  }

  private NDArray zeros(String name, Shape shape) {
    return FloatArrays.zeros(gradients.get(name).getManager(), shape, Precision.F32);
  }

  @Override
  public void close() {
    waiting.forEach(this::reduce);
    waiting.clear();
  }

  private final class DividedLease implements Lease {
    private final BlockSpec block;
    private final Lease values;

    DividedLease(BlockSpec block, Lease values) {
      this.block = block;
      this.values = values;
    }

    @Override
    public Map<String, NDArray> arrays() {
      return values.arrays();
    }

    @Override
    public void useNothing() {
      values.useNothing();
    }

    @Override
    public void add(Map<String, NDArray> added) {
      added.forEach(
          (name, gradient) -> {
            String full = block.path() + "/" + name;
            NDArray whole = zeros(full, gradient.getShape());
            whole.addi(gradient);
            reduce(full, whole);
          });
    }

    @Override
    public void addNothing() {
      for (BlockSpec.Parameter parameter : block.parameters()) {
        String full = block.name(parameter);
        if (isTrained(full)) {
          reduce(full, zeros(full, parameter.shape()));
        }
      }
    }

    @Override
    public NDArray sum(String parameter) {
      Shape shape =
          block.parameters().stream()
              .filter(p -> p.name().equals(parameter))
              .findFirst()
              .orElseThrow()
              .shape();
      return waiting.computeIfAbsent(block.path() + "/" + parameter, full -> zeros(full, shape));
    }

    @Override
    public void close() {
      values.close();
    }
  }
}
