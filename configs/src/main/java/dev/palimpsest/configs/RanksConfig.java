package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * How the processes of a run work together, if a launcher starts several of them: each is a rank
 * and takes one of every n micro batches of a step. One process alone ignores this, except {@code
 * reductionOrder}.
 *
 * @param sharding what is divided among the ranks instead of being kept by each. {@code none}:
 *     nothing. {@code optimizer}: the optimizer's moments and the update (ZeRO-1); a rank updates
 *     its part of the parameters, and the parts are gathered. This changes no bit. {@code
 *     gradients}: gradients as well (ZeRO-2), which are summed block by block, for every micro
 *     batch of a rank; this changes no bit in the fixed order. {@code parameters}: parameters as
 *     well (ZeRO-3), frozen ones too; a block's are gathered when it is used, forward and backward,
 *     and freed afterwards; bits are those of {@code gradients}. Only for Adam
 * @param shardWithin number of ranks among which state is divided, such as those of a node; each
 *     group of so many consecutive ranks has all of it, and groups exchange only sums of gradients.
 *     0: among all. It must divide the number of ranks; it changes no bit in the fixed order
 * @param reductionOrder the order in which the gradients of micro batches are added up. {@code
 *     fastest}: each rank adds its own, then the library adds those of the ranks; results repeat
 *     bit for bit with the same number of ranks, and differ in the last bits between numbers.
 *     {@code fixed}: neighbouring micro batches first, then pairs of them, and so on, whichever
 *     rank has them; results are the same bits with 1, 2, 4, ... ranks. This costs an exchange of
 *     all gradients for every micro batch of a rank instead of one for the step, and memory for
 *     their partial sums
 * @param overlap whether gradients are exchanged while the backward pass goes on with other blocks.
 *     {@code auto}: on CPUs, if the compute threads of a machine's ranks leave a processor free; on
 *     GPUs not yet. {@code always}, {@code never}: asked for. It changes no bit
 * @param timeoutSeconds how long a rank waits for the others within a step before it considers one
 *     of them lost; the run then ends with exit code 76 and every rank's stack traces
 */
public record RanksConfig(
    @Default("none") Sharding sharding,
    @Default("0") int shardWithin,
    @Default("fastest") ReductionOrder reductionOrder,
    @Default("auto") Overlap overlap,
    @Default("1800") int timeoutSeconds) {
  /** What is divided among ranks. */
  public enum Sharding {
    NONE,
    OPTIMIZER,
    GRADIENTS,
    PARAMETERS
  }

  /** An order in which gradients are added up. */
  public enum ReductionOrder {
    FASTEST,
    FIXED
  }

  /** Whether exchanges run beside the computing. */
  public enum Overlap {
    AUTO,
    ALWAYS,
    NEVER
  }

  public RanksConfig {
    new Check()
        .range("timeoutSeconds", timeoutSeconds, 1, 1_000_000, "seconds")
        .range("shardWithin", shardWithin, 0, 65_536, "ranks")
        .done();
  }
}
