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
 * <p>One block's gradients are summed while the next block is computed. If parameters are gathered,
 * those of the next block come first, since nothing can be computed without them.
 *
 * <p>A parameter to which gradients are added from several places ({@link Lease#sum}) is summed
 * over the ranks after all of them.
 */
final class DividedGradients implements Weights {
  private final Weights parameters;
  private final Predicate<String> trained;
  private final Parameters gradients;
  private final Function<String, Parts> parts;
  private final RankGrid ranks;

  /** Gradients to which more may be added, by full name. */
  private final Map<String, NDArray> growing = new LinkedHashMap<>();

  /** Whole gradients that are to be summed next, by full name. */
  private Map<String, NDArray> whole = new LinkedHashMap<>();

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
  public boolean isStreamed() {
    return parameters.isStreamed();
  }

  @Override
  public Lease take(BlockSpec block) {
    return new DividedLease(block, parameters.take(block));
  }

  /** Begins to sum what is whole, once the block before is done with. */
  private void handOver() {
    if (!whole.isEmpty()) {
      Map<String, NDArray> summed = whole;
      whole = new LinkedHashMap<>();
      ranks.all().finish();
      ranks
          .all()
          .begin(() -> summed.forEach(this::reduce), () -> summed.values().forEach(NDArray::close));
    }
  }

  /** A block's gradients are whole. */
  private void handOverNext() {
    if (!isGathered()) {
      handOver();
    }
  }

  /** Adds the sum of a whole gradient over the ranks to this rank's part. */
  private void reduce(String name, NDArray gradient) {
    Parts divided = parts.apply(name);
    ranks.reduceScatter(gradient, divided);
    int rank = ranks.within().rank();
    if (divided.length(rank) > 0) {
      try (NDArray own = divided.of(gradient, rank)) {
        gradients.get(name).addi(own);
      }
    }
  }

  private NDArray zeros(String name, Shape shape) {
    return FloatArrays.zeros(gradients.get(name).getManager(), shape, Precision.F32);
  }

  @Override
  public void complete(BlockSpec block) {
    handOver();
    for (BlockSpec.Parameter parameter : block.parameters()) {
      NDArray sum = growing.remove(block.name(parameter));
      if (sum != null) {
        whole.put(block.name(parameter), sum);
      }
    }
    handOver();
  }

  @Override
  public void close() {
    handOver();
    whole.putAll(growing);
    growing.clear();
    handOver();
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
      Map<String, NDArray> arrays = values.arrays();
      handOver();
      return arrays;
    }

    @Override
    public void useNothing() {
      values.useNothing();
      handOver();
    }

    @Override
    public void add(Map<String, NDArray> added) {
      added.forEach(
          (name, gradient) -> {
            String full = block.path() + "/" + name;
            NDArray copy = zeros(full, gradient.getShape());
            copy.addi(gradient);
            whole.put(full, copy);
          });
      handOverNext();
    }

    @Override
    public void addNothing() {
      for (BlockSpec.Parameter parameter : block.parameters()) {
        String full = block.name(parameter);
        if (isTrained(full)) {
          whole.put(full, zeros(full, parameter.shape()));
        }
      }
      handOverNext();
    }

    @Override
    public NDArray sum(String parameter) {
      Shape shape =
          block.parameters().stream()
              .filter(p -> p.name().equals(parameter))
              .findFirst()
              .orElseThrow()
              .shape();
      return growing.computeIfAbsent(block.path() + "/" + parameter, full -> zeros(full, shape));
    }

    @Override
    public void close() {
      values.close();
    }
  }
}
