package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.ranks.Parts;
import dev.palimpsest.model.ranks.RankGrid;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The source of blocks' parameters and the destination of their gradients: the only way from a
 * block to its parameters, in training, scoring and decoding alike. Behind it may be arrays in
 * memory, as here, or parameters that are gathered, read or computed when a block needs them
 * (docs/decisions/0025).
 *
 * <p>A block that is used in two places, such as the embedding whose table the head shares, is
 * taken once for each place, and its gradients add up.
 */
public interface Weights extends AutoCloseable {
  /** Parameters for scoring and decoding; none needs gradients. */
  static Weights of(Parameters parameters) {
    return new LocalWeights(parameters, name -> false, parameters, false);
  }

  /**
   * Parameters to be trained.
   *
   * @param trained names that need gradients; the others are frozen and cost no backward work if
   *     possible
   * @param gradients destination of the gradients; contains at least the trained names. Zeros may
   *     be {@link Parameters#placeholders}
   */
  static Weights training(Parameters parameters, Predicate<String> trained, Parameters gradients) {
    return new LocalWeights(parameters, trained, gradients, true);
  }

  /**
   * Parameters of which each rank keeps a part, gathered while a block is in use (ZeRO-3). All
   * ranks take the same blocks in the same order.
   *
   * @param parts this rank's, flat
   * @param division of a parameter by its name
   */
  static Weights gathered(Parameters parts, Function<String, Parts> division, RankGrid ranks) {
    return new GatheredParameters(parts, division, ranks);
  }

  /**
   * Parameters to be trained by several ranks, each of which keeps a part of the gradients.
   *
   * @param parameters where blocks' parameters come from
   * @param trained as for {@link #training}
   * @param gradients destination of this rank's parts, which are flat
   * @param division of a parameter's gradient by its name
   */
  static Weights divided(
      Weights parameters,
      Predicate<String> trained,
      Parameters gradients,
      Function<String, Parts> division,
      RankGrid ranks) {
    return new DividedGradients(parameters, trained, gradients, division, ranks);
  }

  /**
   * Parameters whose gradients are taken over one by one while the pass goes on.
   *
   * @param weights to whose gradients each block adds once, or through {@link Lease#sum}
   * @param order of the gradients' names, best that in which a backward pass has them
   * @param whole receives each name when its gradient and those before it are whole; nothing is
   *     added to it any more
   */
  static Weights inTurn(Weights weights, List<String> order, Consumer<String> whole) {
    return new GradientsInTurn(weights, order, whole);
  }

  /**
   * Whether any of the processes that take the same blocks says so. A pass asks where its path
   * depends on its data, since all of them have to give gradients for the same blocks.
   */
  default boolean anyone(boolean mine) {
    return mine;
  }

  /**
   * Whether processes exchange a block's parameters whenever it is taken. All of them then have to
   * take the same blocks equally often, whatever their data and memory.
   */
  default boolean isGathered() {
    return false;
  }

  /**
   * Whether a block's parameters come to memory when it is taken. Then they are not kept between
   * its forward and backward pass.
   */
  default boolean isStreamed() {
    return isGathered();
  }

  /**
   * Nothing more will be added to the gradients of a block in this pass. Those of {@link Lease#add}
   * are complete without this; those of {@link Lease#sum} otherwise when the pass is over.
   */
  default void complete(BlockSpec block) {}

  /** The pass is over: gradients that were kept back take effect. */
  @Override
  default void close() {}

  /**
   * The number format in which the matrices marked by {@link BlockSpec.Parameter#product} are lent:
   * the fastest format for a block that reads every weight and does little with it.
   */
  Precision products();

  /** Whether a parameter, given by its full name, needs gradients. */
  boolean isTrained(String name);

  /** Whether any of a block's parameters needs gradients. */
  default boolean isTrained(BlockSpec block) {
    return block.parameters().stream().anyMatch(p -> isTrained(block.name(p)));
  }

  /**
   * A block's parameters until the lease is closed. A block that needs gradients is taken for the
   * forward pass, and again for the backward pass unless its graph was kept.
   */
  Lease take(BlockSpec block);

  /** A block's parameters while they are in use, and the destination of their gradients. */
  interface Lease extends AutoCloseable {
    /**
     * The parameters by their names in the block, in float32 or the format of {@link
     * Weights#products}; valid until this is closed.
     */
    Map<String, NDArray> arrays();

    /**
     * Adds gradients.
     *
     * @param gradients by name in the block, of trained parameters; the caller closes them without
     *     changing them, because a sum may keep their memory
     */
    void add(Map<String, NDArray> gradients);

    /** Takes part where other processes use a block and this one does not. */
    default void useNothing() {}

    /** Takes part where other processes add gradients and this one has none. */
    default void addNothing() {}

    /**
     * The array to which a trained parameter's gradient is to be added, for parameters so large
     * that their gradient should not be in memory twice. It takes effect when this is closed.
     *
     * @param parameter name in the block
     */
    NDArray sum(String parameter);

    @Override
    void close();
  }
}
