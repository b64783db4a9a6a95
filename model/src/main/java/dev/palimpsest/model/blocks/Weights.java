package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.Precision;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Where blocks get their parameters from and where gradients go: the only way from a block to its
 * parameters, in training, scoring and decoding alike. What lies behind may be arrays in memory, as
 * here, or parameters that are gathered, read or computed when a block needs them
 * (docs/decisions/0020).
 *
 * <p>Blocks of one name in two places, such as the embedding and the head that shares its table,
 * are taken once for each place, and their gradients add up.
 */
public interface Weights {
  /** Parameters for scoring and decoding; none wants gradients. */
  static Weights of(Parameters parameters) {
    return new LocalWeights(parameters, name -> false, parameters);
  }

  /**
   * Parameters to be trained.
   *
   * @param trained names that want gradients; the others are frozen, and cost no backward work
   *     where that is possible
   * @param gradients where gradients are added; holds the trained names at least
   */
  static Weights training(Parameters parameters, Predicate<String> trained, Parameters gradients) {
    return new LocalWeights(parameters, trained, gradients);
  }

  /**
   * The number format in which matrices are lent, those that {@link BlockSpec.Parameter#product}
   * names: what a block computes fastest in when it reads every weight and has little to do with
   * it.
   */
  Precision products();

  /** Whether a parameter wants gradients, by its whole name. */
  boolean isTrained(String name);

  /** Whether any of a block's parameters wants gradients. */
  default boolean isTrained(BlockSpec block) {
    return block.parameters().stream().anyMatch(p -> isTrained(block.name(p)));
  }

  /**
   * A block's parameters until the lease is closed. A block of which gradients are wanted is taken
   * for the forward pass, and again for the backward pass unless its graph was kept in between.
   */
  Lease take(BlockSpec block);

  /** A block's parameters for the time of their use, and the way back for their gradients. */
  interface Lease extends AutoCloseable {
    /**
     * The parameters by their names in the block, float32 or as {@link Weights#products} says;
     * valid until this is closed.
     */
    Map<String, NDArray> arrays();

    /**
     * Adds gradients.
     *
     * @param gradients by name in the block, of trained parameters; they stay the caller's
     */
    void add(Map<String, NDArray> gradients);

    /**
     * The array that a trained parameter's gradient is to be added to, for parameters so large that
     * one would not want to hold their gradient twice. What was written counts when this is closed.
     *
     * @param parameter name in the block
     */
    NDArray sum(String parameter);

    @Override
    void close();
  }
}
