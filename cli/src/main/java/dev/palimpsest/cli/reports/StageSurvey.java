package dev.palimpsest.cli.reports;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.duplicates.Part;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.order.MixtureOrder;
import dev.palimpsest.mixtures.order.MixtureOrder.Position;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * What a stage will train on, counted over a sample of its positions.
 *
 * @param stage the stage
 * @param positions the positions examined, spread over the whole stage
 * @param tasks in the mixture's order
 */
public record StageSurvey(StageConfig stage, int positions, List<TaskSurvey> tasks) {
  private static final String SEPARATOR = "\n";
  private static final int SAMPLES = 6;
  private static final int PROBLEMS = 5;

  /** Keeps unmodifiable copies. */
  public StageSurvey {
    tasks = List.copyOf(tasks);
  }

  /**
   * A task's part of the sample.
   *
   * @param name of the task
   * @param wanted its share according to the recipe's weights
   * @param drawn how often it occurs at the positions
   * @param error standard deviation of the drawn share if the positions had been drawn at random
   * @param size number of examples in its source, without those that the recipe excludes
   * @param epochs the number of passes of the stage over them: the exact number of the task's
   *     positions, divided by {@code size}
   * @param lengths tokens that each example needs, BOS and EOS included
   * @param cut how many are truncated to the stage's text length and lose EOS
   * @param supervised supervised tokens of all examples
   * @param pictures pictures of each example
   * @param sides geometric mean of each picture's sides, in pixels
   * @param unreadable examples or pictures that could not be read
   * @param problems the first of these, in words, each once
   * @param samples some examples to show
   */
  public record TaskSurvey(
      String name,
      double wanted,
      int drawn,
      double error,
      long size,
      double epochs,
      int[] lengths,
      int cut,
      long supervised,
      int[] pictures,
      int[] sides,
      int unreadable,
      List<String> problems,
      List<Sample> samples) {}

  /**
   * An example to show.
   *
   * @param position in the stage's order
   * @param example its prompt and target
   * @param kept the part of the target that the model sees
   * @param lost what is truncated; empty if EOS is kept
   * @param tokens number of tokens needed
   */
  public record Sample(long position, Example example, String kept, String lost, int tokens) {
    /** Whether EOS is truncated. */
    public boolean cut() {
      return !lost.isEmpty();
    }
  }

  /**
   * Examines positions of a stage, each in one of n equal parts of the stage, at a random place in
   * it.
   *
   * @param mixture the stage's mixture
   * @param first position of the mixture's order at which the stage begins
   * @param most the most positions to examine, up to a million; a shorter stage is examined
   *     completely
   * @param part which of these positions to examine
   */
  public static List<SurveyedPosition> surveyed(
      PipelineConfig recipe,
      StageConfig stage,
      Mixture mixture,
      long first,
      Tokenizer tokenizer,
      int most,
      Part part) {
    int n = positions(stage, most);
    int[] separator = tokenizer.encode(SEPARATOR);
    return IntStream.range(0, n)
        .filter(i -> i % part.of() == part.index())
        .parallel()
        .mapToObj(
            i ->
                survey(
                    stage, mixture, tokenizer, separator, i, first + position(recipe, stage, i, n)))
        .toList();
  }

  /** The number of positions that are examined. */
  public static int positions(StageConfig stage, int most) {
    return (int) Math.min(most, stage.examples());
  }

  /**
   * What a stage will train on.
   *
   * @param surveyed at all its positions, in their order
   */
  public static StageSurvey of(
      StageConfig stage,
      Mixture mixture,
      long first,
      Tokenizer tokenizer,
      List<SurveyedPosition> surveyed) {
    int[] separator = tokenizer.encode(SEPARATOR);
    double weights =
        mixture.tasks().stream().mapToDouble(t -> stage.weight(t, mixture.size(t))).sum();
    List<TaskSurvey> tasks = new ArrayList<>();
    for (int task = 0; task < mixture.tasks().size(); task++) {
      String name = mixture.tasks().get(task);
      int number = task;
      double wanted = stage.weight(name, mixture.size(name)) / weights;
      MixtureOrder order = mixture.order();
      long visits = order.count(task, first + stage.examples()) - order.count(task, first);
      tasks.add(
          survey(
              name,
              wanted,
              mixture.size(name),
              visits,
              stage.examples(),
              surveyed.size(),
              surveyed.stream().filter(one -> one.task() == number).toList(),
              position -> sample(stage, mixture, tokenizer, separator, position)));
    }
    return new StageSurvey(stage, surveyed.size(), tasks);
  }

  /** One position in each of n equal parts of the stage, at a random place in it. */
  private static long position(PipelineConfig recipe, StageConfig stage, int i, int n) {
    long from = stage.examples() * i / n;
    long to = stage.examples() * (i + 1) / n;
    return new SplittableRandom(recipe.seed() * 31 + i).nextLong(from, to);
  }

  private static SurveyedPosition survey(
      StageConfig stage,
      Mixture mixture,
      Tokenizer tokenizer,
      int[] separator,
      int index,
      long position) {
    Position at = mixture.order().at(position);
    try {
      Sample sample = sample(stage, mixture, tokenizer, separator, position);
      Example example = sample.example();
      TokenSequence tokens =
          TokenSequence.forTraining(
              tokenizer.encode(example.prefix()),
              separator,
              tokenizer.encode(example.suffix()),
              stage.textTokens());
      return new SurveyedPosition(
          index,
          position,
          at.task(),
          sample.tokens(),
          Arrays.stream(tokens.maskLoss()).sum(),
          sample.cut(),
          sides(example),
          null);
    } catch (BadExampleException e) {
      return new SurveyedPosition(
          index, position, at.task(), 0, 0, false, new int[0], String.valueOf(e.getMessage()));
    }
  }

  private static Sample sample(
      StageConfig stage, Mixture mixture, Tokenizer tokenizer, int[] separator, long position) {
    Example example = mixture.example(position);
    int[] prefix = tokenizer.encode(example.prefix());
    int[] suffix = tokenizer.encode(example.suffix());
    int prompt = TokenSequence.promptLength(prefix, separator);
    int needed = prompt + suffix.length + 1;
    int room = Math.max(0, stage.textTokens() + 1 - prompt);
    boolean cut = needed > stage.textTokens() + 1;
    int keep = cut ? Math.min(suffix.length, room) : suffix.length;
    String kept = cut ? tokenizer.decode(Arrays.copyOf(suffix, keep)) : example.suffix();
    String lost =
        cut ? tokenizer.decode(Arrays.copyOfRange(suffix, keep, suffix.length)) + END : "";
    return new Sample(position, example, kept, lost, needed);
  }

  /** How the end of a target is written. */
  static final String END = "<eos>";

  private static int[] sides(Example example) {
    int[] sides = new int[example.images().size()];
    for (int i = 0; i < sides.length; i++) {
      ImageReference image = example.images().get(i);
      try {
        sides[i] = side(image.content().read());
      } catch (IOException e) {
        throw image.unread(example.id(), e);
      }
    }
    return sides;
  }

  /** From the picture's header; nothing is decoded. */
  private static int side(byte[] bytes) throws IOException {
    try (ImageInputStream stream =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(stream);
      if (!readers.hasNext()) {
        throw new IOException("not a picture of a known format");
      }
      ImageReader reader = readers.next();
      try {
        reader.setInput(stream, true, true);
        return (int) Math.round(Math.sqrt((double) reader.getWidth(0) * reader.getHeight(0)));
      } catch (RuntimeException e) {
        throw new IOException("damaged picture: " + e, e);
      } finally {
        reader.dispose();
      }
    }
  }

  private static TaskSurvey survey(
      String name,
      double wanted,
      long size,
      long visits,
      long examples,
      int positions,
      List<SurveyedPosition> surveyed,
      LongFunction<Sample> sample) {
    List<SurveyedPosition> shown = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    int cut = 0;
    int unreadable = 0;
    long supervised = 0;
    for (SurveyedPosition one : surveyed) {
      if (one.problem() != null) {
        unreadable++;
        if (problems.size() < PROBLEMS && !problems.contains(one.problem())) {
          problems.add(one.problem());
        }
        continue;
      }
      supervised += one.supervised();
      cut += one.cut() ? 1 : 0;
      if (shown.size() < SAMPLES) {
        shown.add(one);
      } else if (one.cut() && shown.stream().noneMatch(SurveyedPosition::cut)) {
        shown.set(SAMPLES - 1, one); // a truncated one is shown, if there is one
      }
    }
    List<SurveyedPosition> read = surveyed.stream().filter(one -> one.problem() == null).toList();
    // Shares are exact over blocks: a sample of a whole stage or of one block is drawn without
    // replacement.
    double population = Math.max(examples, MixtureOrder.BLOCK);
    double rest = (population - positions) / (population - 1);
    return new TaskSurvey(
        name,
        wanted,
        surveyed.size(),
        Math.sqrt(wanted * (1 - wanted) / Math.max(1, positions) * rest),
        size,
        (double) visits / size,
        read.stream().mapToInt(SurveyedPosition::tokens).toArray(),
        cut,
        supervised,
        read.stream().mapToInt(one -> one.sides().length).toArray(),
        read.stream().flatMapToInt(one -> Arrays.stream(one.sides())).toArray(),
        unreadable,
        problems,
        shown.stream().map(one -> sample.apply(one.position())).toList());
  }

  // ---- Sums over tasks

  /** Number of examples that could be read. */
  int read() {
    return tasks.stream().mapToInt(task -> task.lengths.length).sum();
  }

  /** Share of the examples that lose EOS. */
  double cutShare() {
    return read() == 0 ? 0 : tasks.stream().mapToInt(TaskSurvey::cut).sum() / (double) read();
  }

  /** Expected supervised tokens per optimizer step. */
  double supervisedAStep() {
    long sum = tasks.stream().mapToLong(TaskSurvey::supervised).sum();
    return read() == 0 ? 0 : (double) sum / read() * stage.batchSize();
  }

  /** Number of examples and pictures that could not be read. */
  int unreadable() {
    return tasks.stream().mapToInt(TaskSurvey::unreadable).sum();
  }

  int[] lengths() {
    return tasks.stream().flatMapToInt(task -> Arrays.stream(task.lengths)).toArray();
  }

  int[] sides() {
    return tasks.stream().flatMapToInt(task -> Arrays.stream(task.sides)).toArray();
  }

  int[] pictures() {
    return tasks.stream().flatMapToInt(task -> Arrays.stream(task.pictures)).toArray();
  }

  /** A quantile of sorted values. */
  static int quantile(int[] values, double share) {
    int[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0
        ? 0
        : sorted[(int) Math.min(sorted.length - 1, share * sorted.length)];
  }
}
