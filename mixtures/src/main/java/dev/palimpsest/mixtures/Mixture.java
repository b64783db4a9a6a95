package dev.palimpsest.mixtures;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.mixtures.Prefetcher.Placed;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.order.MixtureOrder;
import dev.palimpsest.mixtures.order.MixtureOrder.Position;
import dev.palimpsest.mixtures.sources.Digest;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.tasks.TaskPrefix;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongUnaryOperator;

/**
 * A stage's weighted tasks, their order, and batches read ahead by a bounded pool of threads.
 *
 * <p>Tasks with one picture, with several, and without any may share a mixture. Examples of a batch
 * that is read in parts are then handed out by their number of pictures, so that examples in a part
 * rarely have different lengths.
 *
 * <p>Bad data, a row that cannot be read or a picture that is missing or damaged, surfaces in
 * {@link BatchStream#next()} as {@link BadExampleException}, unless the task allows a share of bad
 * examples. In that case the next good example in the same epoch's permutation replaces it ({@link
 * MixtureOrder#at(long, int)}), with as many pictures if the bad one's number was known. So the
 * example at a position still depends on (seed, stage, position) and the data alone.
 */
public final class Mixture implements AutoCloseable {
  private final long seed;
  private final String stage;
  private final Map<String, Task> tasks;
  private final List<String> names;
  private final MixtureOrder order;
  private final String fingerprint;
  private final BatchBuilder builder;
  private final boolean taskPrefix;
  private final Prefetcher.Examples examples = new PlacedExamples();

  /** The number of consecutive bad examples after which a source counts as broken. */
  private static final int MOST_ATTEMPTS = 1000;

  private Mixture(
      long seed,
      String stage,
      Map<String, Task> tasks,
      MixtureOrder order,
      String fingerprint,
      BatchBuilder builder,
      boolean taskPrefix) {
    this.taskPrefix = taskPrefix;
    this.seed = seed;
    this.stage = stage;
    this.tasks = tasks;
    this.names = List.copyOf(tasks.keySet());
    this.order = order;
    this.fingerprint = fingerprint;
    this.builder = builder;
  }

  /**
   * Opens the sources of all tasks with a weight above 0.
   *
   * @param orderName names the order together with the seed
   * @param tasks by name
   * @param stage weights, sizes and preprocessing
   * @param exclusions rows that no task uses
   * @throws java.io.UncheckedIOException when a source cannot be read
   * @throws InvalidConfigException when a weight is so small that the task would never be drawn
   * @throws IllegalArgumentException when a weight names no task or all are 0
   */
  public static Mixture open(
      long seed,
      String orderName,
      Map<String, TaskConfig> tasks,
      StageConfig stage,
      Exclusions exclusions,
      Tokenizer tokenizer) {
    TextBudget budget = new TextBudget(tokenizer, stage.textTokens());
    Map<String, Task> opened = new LinkedHashMap<>();
    try {
      Digest digest = new Digest().add("mixture 1", orderName).add(seed).add(MixtureOrder.BLOCK);
      List<Double> shares = new ArrayList<>();
      for (Map.Entry<String, Double> weight : stage.mixture().entrySet()) {
        TaskConfig task = tasks.get(weight.getKey());
        if (task == null) {
          throw new IllegalArgumentException(
              "the mixture of %s names the task '%s', which is not one of %s"
                  .formatted(stage.name(), weight.getKey(), tasks.keySet()));
        }
        if (weight.getValue() == 0) {
          continue;
        }
        Task open = exclusions.open(weight.getKey(), task, budget, stage.image().augment());
        opened.put(weight.getKey(), open);
        double share = stage.weight(weight.getKey(), open.size());
        shares.add(share);
        digest.add(weight.getKey(), open.fingerprint());
        digest.add(Double.doubleToLongBits(share));
      }
      requirePlaces(stage, List.copyOf(opened.keySet()), shares);
      List<Long> sizes = opened.values().stream().map(Task::size).toList();
      return new Mixture(
          seed,
          orderName,
          opened,
          new MixtureOrder(seed, orderName, shares, sizes),
          digest.hex(),
          new BatchBuilder(stage, tokenizer),
          stage.taskPrefix());
    } catch (RuntimeException e) {
      opened.values().forEach(Task::close);
      throw e;
    }
  }

  private static void requirePlaces(StageConfig stage, List<String> tasks, List<Double> shares) {
    int unplaced = shares.stream().anyMatch(s -> s > 0) ? MixtureOrder.unplaced(shares) : -1;
    if (unplaced >= 0) {
      double share = shares.get(unplaced) / shares.stream().mapToDouble(Double::doubleValue).sum();
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "stages.%s.mixture.%s".formatted(stage.name(), tasks.get(unplaced)),
                  "is too small compared with the others: a share of %.2g, but the smallest possible is 1 in %d; give it more or 0"
                      .formatted(share, MixtureOrder.BLOCK))));
    }
  }

  /** Names of the tasks that {@link MixtureOrder.Position#task()} counts. */
  public List<String> tasks() {
    return names;
  }

  /** Rows of a task's source, without those excluded. */
  public long size(String task) {
    return Objects.requireNonNull(tasks.get(task), task).size();
  }

  /** The order of examples. */
  public MixtureOrder order() {
    return order;
  }

  /**
   * SHA-256 of the sources' contents, the weights and the parameters of the order, in hexadecimal.
   */
  public String fingerprint() {
    return fingerprint;
  }

  /**
   * What the fingerprint covers of each task: {@link Task#contents()} by the task's name, so that a
   * change can be attributed.
   */
  public Map<String, Map<String, String>> contents() {
    Map<String, Map<String, String>> contents = new LinkedHashMap<>();
    tasks.forEach((name, task) -> contents.put(name, task.contents()));
    return contents;
  }

  /**
   * The first good example for a global position, under the id {@code task/id}.
   *
   * @param attempt where to begin, as in {@link MixtureOrder#at(long, int)}
   * @param pictures the number of pictures that it must have; -1: any number
   * @param skipped receives the bad ones
   */
  private Placed place(long position, int attempt, int pictures, Collection<Skipped> skipped) {
    int most = (int) Math.min(MOST_ATTEMPTS, task(position).size());
    BadExampleException bad = null;
    for (int i = attempt; i < most; i++) {
      Position at = order.at(position, i);
      String name = names.get(at.task());
      try {
        Task task = task(position);
        Example example =
            prompted(task.example(at.example(), at.epoch(), Draw.at(seed, stage, position)));
        if (pictures < 0 || example.images().size() == pictures) {
          return new Placed(position, i, example.withId(name + "/" + example.id()));
        }
      } catch (BadExampleException e) {
        bad = e;
        skip(position, i, e, skipped);
      }
    }
    throw new BadExampleException(
        "task %s: no usable example within %d of the one at position %d; %s"
            .formatted(
                names.get(order.at(position).task()),
                most,
                position,
                bad == null
                    ? "none has the same number of pictures"
                    : "the last: " + bad.getMessage()),
        bad);
  }

  private Task task(long position) {
    String name = names.get(order.at(position).task());
    return Objects.requireNonNull(tasks.get(name), name);
  }

  /** Records a bad example, or throws the exception if the task allows none. */
  private void skip(
      long position, int attempt, BadExampleException bad, Collection<Skipped> skipped) {
    if (task(position).badShare() == 0) {
      throw bad;
    }
    Position at = order.at(position, attempt);
    skipped.add(
        new Skipped(
            position,
            attempt,
            names.get(at.task()),
            at.example(),
            String.valueOf(bad.getMessage())));
  }

  /**
   * The share of a task's examples that may be bad.
   *
   * @param task its name
   */
  public double badShare(String task) {
    return Objects.requireNonNull(tasks.get(task), task).badShare();
  }

  /**
   * The example at a global position, under the id {@code task/id}. If it is bad, a stream shows
   * another one in its place.
   *
   * @throws BadExampleException when it cannot be used
   */
  public Example example(long index) {
    Position position = order.at(index);
    String name = names.get(position.task());
    Task task = Objects.requireNonNull(tasks.get(name), name);
    Draw draw = Draw.at(seed, stage, index);
    Example example = prompted(task.example(position.example(), position.epoch(), draw));
    return example.withId(name + "/" + example.id());
  }

  private Example prompted(Example example) {
    return taskPrefix ? example : TaskPrefix.removed(example);
  }

  /**
   * An endless stream of batches from a position on, in equal parts. Close the stream before the
   * mixture.
   *
   * <p>The examples of a batch are those of its positions. The part to which each belongs depends
   * on them alone: examples with the most pictures come first, those with equally many in the order
   * of positions.
   *
   * @param fromIndex global position of the first example
   * @param batchSize examples per batch
   * @param partSize examples per part; divides {@code batchSize}
   * @param threads decoding threads; read-ahead is bounded by two parts or twice as many examples
   *     as threads, whichever is more, and by two batches of undecoded examples
   */
  public BatchStream batches(long fromIndex, int batchSize, int partSize, int threads) {
    return batches(fromIndex, batchSize, partSize, Share.ALL, threads);
  }

  /**
   * The same for one of several readers, each of which takes some of every batch's parts. Only
   * those are decoded; the rows of the whole batch are read, since they determine its parts.
   *
   * @param share its readers divide a batch's parts evenly
   */
  public BatchStream batches(
      long fromIndex, int batchSize, int partSize, Share share, int threads) {
    if (partSize < 1 || batchSize % partSize != 0) {
      throw new IllegalArgumentException(
          "a part must divide the batch of %d examples, got %d".formatted(batchSize, partSize));
    }
    if (batchSize / partSize % share.of() != 0) {
      throw new IllegalArgumentException(
          "%d parts cannot be divided evenly among %d readers"
              .formatted(batchSize / partSize, share.of()));
    }
    return new Prefetcher(
        examples,
        builder,
        number -> fromIndex + number * batchSize,
        batchSize,
        partSize,
        share,
        threads);
  }

  /**
   * An endless stream of batches that need not be adjacent, for example if each of several workers
   * takes its slice of a global batch. Close the stream before the mixture.
   *
   * @param firstIndex global position of the first example of the n-th batch, n from 0
   * @param batchSize examples per batch
   * @param threads decoding threads; read-ahead is bounded as for parts
   */
  public BatchStream batches(LongUnaryOperator firstIndex, int batchSize, int threads) {
    return new Prefetcher(examples, builder, firstIndex, batchSize, batchSize, Share.ALL, threads);
  }

  /** Bytes that open batches occupy. */
  long allocatedBytes() {
    return builder.allocatedBytes();
  }

  /**
   * Closes the sources.
   *
   * @throws IllegalStateException when a batch was not closed
   */
  @Override
  public void close() {
    tasks.values().forEach(Task::close);
    builder.close();
  }

  /** Batches, or parts of them, in order, decoded ahead. Not thread-safe. */
  public interface BatchStream extends AutoCloseable {
    /**
     * The next batch; the caller closes it.
     *
     * @throws BadExampleException when one of its examples cannot be used; the stream ends there,
     *     and every later call throws the same exception
     */
    ExampleBatch next();

    /** Nanoseconds that {@link #next()} has waited so far. */
    long waitedNanos();

    /**
     * Bad examples that were skipped for the batches taken since the last call, in the order of
     * positions within a batch or part.
     */
    List<Skipped> skipped();

    /** Stops the threads and frees the batches that were not taken. */
    @Override
    void close();
  }

  /**
   * A bad example that was replaced by another.
   *
   * @param position global position
   * @param attempt the number of bad examples before it at this position
   * @param task its task
   * @param row its index in the task's source
   * @param reason names the source, the example and what is wrong
   */
  public record Skipped(long position, int attempt, String task, long row, String reason) {
    static final Comparator<Skipped> BY_POSITION =
        Comparator.comparingLong(Skipped::position).thenComparingInt(Skipped::attempt);
  }

  /** Supplies a stream with the mixture's examples. */
  private final class PlacedExamples implements Prefetcher.Examples {
    @Override
    public Placed first(long position, Collection<Skipped> skipped) {
      return place(position, 0, -1, skipped);
    }

    @Override
    public Placed after(Placed bad, BadExampleException why, Collection<Skipped> skipped) {
      skip(bad.position(), bad.attempt(), why, skipped);
      return place(bad.position(), bad.attempt() + 1, bad.pictures(), skipped);
    }
  }
}
