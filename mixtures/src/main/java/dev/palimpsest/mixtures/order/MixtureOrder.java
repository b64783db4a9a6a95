package dev.palimpsest.mixtures.order;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Determines which task and which example are at a position: a pure function of (seed, stage,
 * index) in constant time, without iterator state. Within an epoch of a task's source, examples are
 * drawn without replacement.
 *
 * <p>Positions are divided into blocks of {@value #BLOCK}. A task owns a number of places in a
 * block in proportion to its weight, rounded by largest remainder. A keyed permutation, the same
 * for every block, says which ones. A position's task, and the number of its earlier occurrences,
 * can therefore be read from one table. At the n-th occurrence of a task, n / size is the epoch of
 * its source, and a second keyed permutation, different for each task and epoch, turns n mod size
 * into an example: in each task, an epoch ends before the next one begins.
 */
public final class MixtureOrder {
  /** Positions per block, the unit in which shares are exact. */
  public static final int BLOCK = 1 << 16;

  private final long key;
  private final long[] sizes;

  /** The number of places of each task in a block. */
  private final int[] places;

  /** The task at each place of a block. */
  private final int[] tasks = new int[BLOCK];

  /** The number of its earlier occurrences in the block. */
  private final int[] ranks = new int[BLOCK];

  /**
   * Creates an order.
   *
   * @param seed the run's seed
   * @param stage name of the stage whose order this is
   * @param weights one per task, not negative, at least one positive; need not sum to 1
   * @param sizes number of examples per task
   * @throws IllegalArgumentException when a weight is negative, or so small compared with the
   *     others that the task would never be drawn, or when a task with a weight has no examples
   */
  public MixtureOrder(long seed, String stage, List<Double> weights, List<Long> sizes) {
    if (weights.isEmpty() || weights.size() != sizes.size()) {
      throw new IllegalArgumentException(
          "a mixture needs tasks and a size for each, got %d weights and %d sizes"
              .formatted(weights.size(), sizes.size()));
    }
    this.sizes = sizes.stream().mapToLong(Long::longValue).toArray();
    places = places(weights);
    int unplaced = unplaced(weights);
    if (unplaced >= 0) {
      throw new IllegalArgumentException(
          "the weight of task %d is too small: %s of %s; the least share is 1 in %d"
              .formatted(
                  unplaced,
                  weights.get(unplaced),
                  weights.stream().mapToDouble(Double::doubleValue).sum(),
                  BLOCK));
    }
    long stageKey = 0;
    for (int i = 0; i < stage.length(); i++) {
      stageKey = SplitMix.mix(stageKey + stage.charAt(i));
    }
    key = SplitMix.mix(SplitMix.mix(seed) + stageKey);
    int slot = 0;
    for (int task = 0; task < places.length; task++) {
      if (places[task] > 0 && this.sizes[task] < 1) {
        throw new IllegalArgumentException(
            "task %d has weight %s but no examples".formatted(task, weights.get(task)));
      }
      for (int i = 0; i < places[task]; i++) {
        tasks[(int) Permutation.at(slot++, BLOCK, key)] = task;
      }
    }
    int[] stood = new int[places.length];
    for (int place = 0; place < BLOCK; place++) {
      ranks[place] = stood[tasks[place]]++;
    }
  }

  /**
   * The first task whose weight is too small compared with the others to get a place; -1 if there
   * is none.
   */
  public static int unplaced(List<Double> weights) {
    int[] places = places(weights);
    return IntStream.range(0, places.length)
        .filter(task -> places[task] == 0 && weights.get(task) > 0)
        .findFirst()
        .orElse(-1);
  }

  /** Distributes the places of a block by largest remainder; ties go to the earlier task. */
  private static int[] places(List<Double> weights) {
    double sum = 0;
    for (double weight : weights) {
      if (!(weight >= 0) || Double.isInfinite(weight)) {
        throw new IllegalArgumentException(
            "weights must be finite and not negative, got " + weights);
      }
      sum += weight;
    }
    if (!(sum > 0) || Double.isInfinite(sum)) {
      throw new IllegalArgumentException(
          "at least one weight must be positive and their sum finite, got " + weights);
    }
    double total = sum;
    double[] exact = weights.stream().mapToDouble(weight -> weight / total * BLOCK).toArray();
    int[] places = Arrays.stream(exact).mapToInt(share -> (int) share).toArray();
    IntStream.range(0, exact.length)
        .boxed()
        .sorted(Comparator.comparingDouble(task -> places[task] - exact[task]))
        .limit(BLOCK - Arrays.stream(places).sum())
        .forEach(task -> places[task]++);
    return places;
  }

  /** The example at a global position, 0-based. */
  public Position at(long index) {
    return at(index, 0);
  }

  /**
   * The replacement if that example is bad: one of the examples that follow it in the epoch's
   * permutation of the task's source, continuing at the beginning after its end.
   *
   * @param attempt 0 for the example itself, then 1, 2, ...
   */
  public Position at(long index, int attempt) {
    if (index < 0) {
      throw new IndexOutOfBoundsException("a mixture has no position " + index);
    }
    int place = (int) (index % BLOCK);
    int task = tasks[place];
    long stood = index / BLOCK * places[task] + ranks[place];
    long epoch = stood / sizes[task];
    long epochKey = SplitMix.mix(SplitMix.mix(key + 1 + task) ^ epoch);
    long turn = (stood % sizes[task] + attempt) % sizes[task];
    long example = Permutation.at(turn, sizes[task], epochKey);
    return new Position(task, example, epoch);
  }

  /** The number of a task's positions before a global position. */
  public long count(int task, long before) {
    long count = before / BLOCK * places[task];
    for (int place = 0; place < before % BLOCK; place++) {
      count += tasks[place] == task ? 1 : 0;
    }
    return count;
  }

  /**
   * A position's content.
   *
   * @param task index into the weights
   * @param example index into the task's source
   * @param epoch the number of complete passes over the source before
   */
  public record Position(int task, long example, long epoch) {}
}
