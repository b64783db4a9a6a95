package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Operations that all ranks of a group call in the same order, each with its own part of the data.
 * A rank is a process; one that trains by itself is a group of one, whose operations do nothing.
 *
 * <p>One thread of a process calls these, and what it has handed to {@link #begin} may do so on a
 * thread of its own; never two at a time. An operation that fails throws {@link
 * CollectiveException}. One that does not return within the group's time limit throws it too, or
 * ends the process if the thread is inside the library, see {@link Watchdog}; the launcher then
 * ends the others.
 */
public interface Collectives extends AutoCloseable {
  /** A process by itself. */
  static Collectives alone() {
    return new Alone();
  }

  /**
   * Joins the group that a launcher has made: by NCCL if this process computes on a GPU, by MPI if
   * it computes on the CPU.
   *
   * @param group a group of one remains by itself
   * @param manager of arrays on the device that this process computes on
   * @param folder shared by all ranks, for the stack traces of one that hangs
   * @param limit how long an operation may take
   * @param beside whether a processor is spare for operations that run beside the computing, see
   *     {@link #begin}
   * @throws CollectiveException when the ranks cannot be connected
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when the environment lacks what is
   *     needed for it
   */
  static Collectives join(
      Group group, NDManager manager, Path folder, Duration limit, boolean beside) {
    if (group.size() == 1) {
      return alone();
    }
    Map<String, String> environment = System.getenv();
    Transport transport = Transport.of(manager.getDevice(), environment);
    Watchdog watchdog = new Watchdog(group.rank(), folder, limit);
    return switch (transport) {
      case MPI -> MpiRanks.join(group.rank(), group.size(), environment, watchdog, beside);
      case NCCL -> NcclRanks.join(group, manager, environment, limit, watchdog, beside);
    };
  }

  /** This process's number, from 0. */
  int rank();

  /** Number of processes. */
  int size();

  /** How ranks are connected, for logs: {@code Open MPI v4.1.4}, {@code NCCL 2.23.4}. */
  String transport();

  /** Whether there are no other ranks. */
  default boolean isAlone() {
    return size() == 1;
  }

  /** Whether this rank does what is done once: writing, reporting, scoring. */
  default boolean isFirst() {
    return rank() == 0;
  }

  /** Whether operations that are begun run beside the computing. Ranks need not agree on it. */
  default boolean isBeside() {
    return false;
  }

  /**
   * Runs operations of this group, or of others that were split off from the same one, while the
   * caller goes on, if that {@linkplain #isBeside is possible}; otherwise at once. They run in the
   * order in which they were begun, which is the same on every rank, and any other operation waits
   * for all of them first.
   *
   * @param operations whose arrays nobody else touches until {@link #finish}
   * @param afterwards run when the device is done with them too, for example to free their arrays
   */
  default void begin(Runnable operations, Runnable afterwards) {
    operations.run();
    afterwards.run();
  }

  /** The same with nothing to do afterwards. */
  default void begin(Runnable operations) {
    begin(operations, () -> {});
  }

  /**
   * Waits for the operations that were begun.
   *
   * @throws CollectiveException when one of them has failed; those after it were not run
   */
  default void finish() {}

  /**
   * Replaces an array by the sum over the ranks. The same bits arrive everywhere, and again
   * whenever the same ranks add up the same numbers.
   *
   * @param array float32, contiguous
   */
  void sum(NDArray array);

  /**
   * Replaces this rank's part of an array by the sum over the ranks; the rest is undefined
   * afterwards.
   *
   * @param array float32, contiguous
   */
  void reduceScatter(NDArray array, Parts parts);

  /**
   * The same, but adds in an order that only depends on the ranks' numbers: neighbours first, then
   * pairs of neighbours, and so on, as in ((0+1)+(2+3)). It sends as much as {@link #reduceScatter}
   * and needs room for every rank's version of a part.
   *
   * @throws IllegalArgumentException when the number of ranks is not a power of two
   */
  void reduceScatterInOrder(NDArray array, Parts parts);

  /**
   * Fills an array of which every rank has its part.
   *
   * @param array float32 or bfloat16, contiguous
   */
  void allGather(NDArray array, Parts parts);

  /**
   * Replaces an array by that of one rank.
   *
   * @param array float32 or bfloat16, contiguous
   */
  void broadcast(NDArray array, int from);

  /** The bytes of one rank; what the others give does not matter. */
  byte[] broadcast(byte[] bytes, int from);

  /** The bytes of every rank, by rank. They may have different lengths. */
  List<byte[]> gather(byte[] bytes);

  /** Whether any rank says so. */
  boolean any(boolean mine);

  /** Waits until every rank has come here. */
  void barrier();

  /**
   * The same without a time limit and nearly without using the processor: for ranks that have
   * nothing to do while another prepares, scores or saves.
   */
  void await();

  /** What the first rank says, for which the others wait as in {@link #await}. */
  default byte[] announced(byte[] bytes) {
    await();
    return broadcast(bytes, 0);
  }

  /**
   * The ranks of this group that give the same number, in their order: a group of its own, which
   * ends with this one. Every rank calls this.
   *
   * @param group not negative
   */
  Collectives split(int group);

  /**
   * The time for which callers waited for operations, also of groups that were split off, since the
   * last call. {@link #await} is not counted, nor what ran beside the computing.
   */
  Duration takeWaited();

  /**
   * Leaves the group. Every rank has to, or the launcher takes the run for failed.
   *
   * @throws CollectiveException when that fails
   */
  @Override
  void close();
}
