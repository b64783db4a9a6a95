package dev.palimpsest.mixtures.order;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which task and which example stand at a position: a pure function of (seed, stage, index), O(1),
 * without iterator state. Without replacement within an epoch of each task's source.
 *
 * <p>Positions come in blocks of {@value #BLOCK}. A task owns as many places of a block as its
 * share of the weights says, rounded by largest remainder; which ones, a keyed permutation says,
 * the same for every block. So a position's task, and how often that task stood before it, follow
 * from one table. The n-th time a task stands, n / size is the epoch of its source, and a second
 * keyed permutation, another one for each task and epoch, turns n mod size into an example: an
 * epoch is over before the next begins, in every task for itself.
 */
public final class MixtureOrder {
  /** Positions a block: the unit in which shares are exact. */
  public static final int BLOCK = 1 << 16;

  private final long key;
  private final long[] sizes;

  /** Places of each task in a block. */
  private final int[] places;

  /** Which task stands at a place of a block. */
  private final int[] tasks = new int[BLOCK];

  /** How often it stood before in the block. */
  private final int[] ranks = new int[BLOCK];

  /**
   * An order.
   *
   * @param seed the run's seed
   * @param stage name of the stage whose order this is
   * @param weights one a task, not negative, at least one positive; need not sum to 1
   * @param sizes examples a task
   * @throws IllegalArgumentException when a weight is negative or so small against the others that
   *     the task would never stand anywhere, or a weighted task has no examples
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

  /** The first task whose weight is too small against the others for a place; -1: none. */
  public static int unplaced(List<Double> weights) {
    int[] places = places(weights);
    return IntStream.range(0, places.length)
        .filter(task -> places[task] == 0 && weights.get(task) > 0)
        .findFirst()
        .orElse(-1);
  }

  /** Places of a block by largest remainder; ties go to the earlier task. */
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

  /** What stands at a global position, 0-based. */
  public Position at(long index) {
    return at(index, 0);
  }

  /**
   * What takes the place when that is bad: the examples that follow it in the epoch's permutation
   * of the task's source, beginning anew at its end.
   *
   * @param attempt 0 for what stands there, then 1, 2, ...
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

  /** Positions of a task among those before a global position. */
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
   * @param epoch how often the source was gone through before
   */
  public record Position(int task, long example, long epoch) {}
}
