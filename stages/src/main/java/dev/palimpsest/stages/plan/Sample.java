package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.ModelCost.Pass;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.towers.Sequences;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What a stage's examples are like.
 *
 * @param textTokens real text tokens of each that the model sees
 * @param pictures pictures of each
 */
public record Sample(int[] textTokens, int[] pictures) {
  /** Keeps one number of each kind for every example. */
  public Sample {
    if (textTokens.length != pictures.length || textTokens.length == 0) {
      throw new IllegalArgumentException(
          "%d lengths, %d numbers of pictures".formatted(textTokens.length, pictures.length));
    }
  }

  /** How prompt and target are separated, as in training. */
  private static final String SEPARATOR = "\n";

  /**
   * The first examples of a stage; their order is random. Those that cannot be read are left out.
   *
   * @param first position at which the stage begins
   * @param most positions to look at
   * @return empty if none of them can be read
   */
  public static Optional<Sample> of(
      StageConfig stage, Mixture mixture, Tokenizer tokenizer, long first, int most) {
    int[] separator = tokenizer.encode(SEPARATOR);
    int n = (int) Math.min(most, stage.examples());
    List<int[]> read =
        IntStream.range(0, n)
            .parallel()
            .mapToObj(i -> look(stage, mixture, tokenizer, separator, first + i))
            .filter(counts -> counts.length > 0)
            .toList();
    return read.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Sample(
                read.stream().mapToInt(counts -> counts[0]).toArray(),
                read.stream().mapToInt(counts -> counts[1]).toArray()));
  }

  /** Text tokens and pictures of an example; empty if it cannot be read. */
  private static int[] look(
      StageConfig stage, Mixture mixture, Tokenizer tokenizer, int[] separator, long position) {
    try {
      Example example = mixture.example(position);
      int tokens =
          TokenSequence.promptLength(tokenizer.encode(example.prefix()), separator)
              + tokenizer.encode(example.suffix()).length
              + 1; // EOS
      return new int[] {Math.min(tokens, stage.textTokens()), example.images().size()};
    } catch (BadExampleException e) {
      return new int[0];
    }
  }

  /** Real image and text tokens of an example, on average. */
  double meanTokens(int imageTokens) {
    return meanPictures() * imageTokens + Arrays.stream(textTokens).average().orElse(0);
  }

  /** Pictures of an example, on average. */
  double meanPictures() {
    return Arrays.stream(pictures).average().orElse(0);
  }

  /** A forward pass over some examples of the sample. */
  record Group(int examples, Pass pass) {}

  /**
   * The passes in which these examples are trained: batches in order, their parts by the number of
   * pictures, packed if the stage packs.
   *
   * @param microBatch examples of a pass
   * @param imageTokens of one picture
   */
  List<Group> passes(StageConfig stage, int microBatch, int imageTokens) {
    List<Group> groups = new ArrayList<>();
    for (int first = 0; first < pictures.length; first += stage.batchSize()) {
      int end = Math.min(pictures.length, first + stage.batchSize());
      List<Integer> batch =
          IntStream.range(first, end)
              .boxed()
              .sorted(Comparator.<Integer>comparingInt(i -> pictures[i]).reversed())
              .toList();
      for (int from = 0; from < batch.size(); from += microBatch) {
        groups.add(
            pass(
                stage,
                batch.subList(from, Math.min(batch.size(), from + microBatch)),
                imageTokens));
      }
    }
    return groups;
  }

  private Group pass(StageConfig stage, List<Integer> examples, int imageTokens) {
    int[] shown = examples.stream().mapToInt(i -> pictures[i]).toArray();
    int[] texts = examples.stream().mapToInt(i -> textTokens[i]).toArray();
    Sequences sequences =
        stage.packTo() == 0
            ? Sequences.separate(shown, stage.textTokens())
            : Sequences.packed(shown, texts, imageTokens, stage.packTo());
    long[] used = new long[sequences.count()];
    for (int i = 0; i < shown.length; i++) {
      used[sequences.rows()[i]] += (long) shown[i] * imageTokens + sequences.textTokens()[i];
    }
    return new Group(
        shown.length,
        new Pass(
            Arrays.stream(shown).sum(),
            used.length,
            Arrays.stream(used).max().orElse(0),
            Arrays.stream(sequences.textTokens()).sum()));
  }
}
