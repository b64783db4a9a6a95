package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.eval.decoding.Decoder.Outcome;
import dev.palimpsest.eval.decoding.Decoder.Stop;
import dev.palimpsest.mixtures.BatchBuilder;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets a model answer examples, and computes how likely given answers are. Batches contain examples
 * with equally many pictures, those with the longest prompts first, so that insufficient memory
 * shows at once; questions about the same pictures are grouped and share their image tokens.
 * Neither batch nor order changes an answer (see {@link Decoder}).
 */
public final class Answerer implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final int batchSize;
  private final BatchBuilder batches;
  private final Decoder decoder;
  private final NDManager parent;
  private final Runnable between;

  /**
   * Creates an answerer, which is valid as long as the parameters do not change.
   *
   * @param resolution side of the square pictures, in pixels
   * @param textTokens text positions of a prompt; longer ones are truncated on the right
   * @param batchSize examples per forward pass
   * @param parent everything made here lives in children of it
   * @param between run before each batch; if it throws, the work ends there
   */
  public Answerer(
      VisionLanguageModel model,
      Weights weights,
      Tokenizer tokenizer,
      ImageConfig image,
      int resolution,
      int textTokens,
      int batchSize,
      NDManager parent,
      Runnable between) {
    this.tokenizer = tokenizer;
    this.batchSize = batchSize;
    this.parent = parent;
    this.between = between;
    this.batches = new BatchBuilder(image, resolution, textTokens, tokenizer);
    this.decoder = new Decoder(model, weights, parent);
  }

  /**
   * Answers examples.
   *
   * @param answers receives each answer with its example's index in the list as soon as it is
   *     available; not in the list's order
   * @throws dev.palimpsest.mixtures.formats.BadExampleException when an example cannot be used
   */
  public void answer(
      List<Example> examples, DecodeConfig settings, ObjIntConsumer<Answer> answers) {
    answer(examples, settings, example -> List.of(), answers);
  }

  /**
   * Answers examples and scores given answers.
   *
   * @param candidates answers to score, by example; EOS is added
   * @param answers as above
   * @throws dev.palimpsest.mixtures.formats.BadExampleException when an example cannot be used
   */
  public void answer(
      List<Example> examples,
      DecodeConfig settings,
      Function<Example, List<String>> candidates,
      ObjIntConsumer<Answer> answers) {
    run(
        examples,
        settings,
        candidates,
        (outcome, index) -> {
          Decoded decoded = outcome.requiredAnswer();
          answers.accept(
              new Answer(tokenizer.decode(decoded.tokens()), decoded, outcome.likelihoods()),
              index);
        });
  }

  /**
   * Scores given answers, without decoding any.
   *
   * @param candidates answers to score, by example; EOS is added
   * @param likelihoods receives those of an example's candidates, with the example's index in the
   *     list; not in the list's order
   * @throws dev.palimpsest.mixtures.formats.BadExampleException when an example cannot be used
   */
  public void score(
      List<Example> examples,
      Function<Example, List<String>> candidates,
      ObjIntConsumer<List<Likelihood>> likelihoods) {
    run(
        examples,
        null,
        candidates,
        (outcome, index) -> likelihoods.accept(outcome.likelihoods(), index));
  }

  private void run(
      List<Example> examples,
      @Nullable DecodeConfig settings,
      Function<Example, List<String>> candidates,
      ObjIntConsumer<Outcome> outcomes) {
    for (List<Integer> places : inBatches(examples)) {
      between.run();
      List<Example> batch = places.stream().map(examples::get).toList();
      List<List<int[]>> given =
          batch.stream()
              .map(example -> candidates.apply(example).stream().map(this::withEos).toList())
              .toList();
      try (ExampleBatch prompts = batches.decoding(0, batch);
          NDManager scope = parent.newSubManager()) {
        List<Outcome> results =
            decoder.answers(
                new Prompts(
                    BatchArrays.images(scope, prompts),
                    BatchArrays.integers(scope, prompts, prompts.text()),
                    lengths(prompts),
                    batch.stream().mapToLong(example -> stream(example.id())).toArray()),
                settings,
                Stop.AT_EOS,
                given.stream().allMatch(List::isEmpty) ? null : given);
        for (int row = 0; row < places.size(); row++) {
          outcomes.accept(results.get(row), places.get(row));
        }
      }
    }
  }

  /**
   * Indices of examples by batch, in the order in which they are answered. The examples of one such
   * batch are answered in one by themselves as well.
   */
  public List<List<Integer>> inBatches(List<Example> examples) {
    int[] lengths =
        examples.stream().mapToInt(example -> tokenizer.encode(example.prefix()).length).toArray();
    Comparator<Integer> longestFirst =
        Comparator.<Integer>comparingInt(place -> -lengths[place]).thenComparing(place -> place);
    // By number of pictures, the largest first; then by pictures.
    Map<Integer, Map<List<?>, List<Integer>>> alike = new TreeMap<>(Collections.reverseOrder());
    for (int place = 0; place < lengths.length; place++) {
      List<?> pictures = examples.get(place).images();
      alike
          .computeIfAbsent(pictures.size(), size -> new LinkedHashMap<>())
          .computeIfAbsent(pictures, same -> new ArrayList<>())
          .add(place);
    }
    List<List<Integer>> batches = new ArrayList<>();
    for (Map<List<?>, List<Integer>> byPictures : alike.values()) {
      List<Integer> order =
          byPictures.values().stream()
              .map(places -> places.stream().sorted(longestFirst).toList())
              .sorted(Comparator.comparing(places -> places.get(0), longestFirst))
              .flatMap(List::stream)
              .toList();
      for (int from = 0; from < order.size(); from += batchSize) {
        batches.add(order.subList(from, Math.min(order.size(), from + batchSize)));
      }
    }
    return batches;
  }

  private int[] withEos(String text) {
    int[] tokens = tokenizer.encode(text);
    int[] ended = Arrays.copyOf(tokens, tokens.length + 1);
    ended[tokens.length] = Tokenizer.EOS;
    return ended;
  }

  private static int[] lengths(ExampleBatch prompts) {
    int[] real = BatchArrays.values(prompts.maskInput());
    int[] lengths = new int[prompts.size()];
    for (int i = 0; i < real.length; i++) {
      lengths[i / prompts.textColumns()] += real[i];
    }
    return lengths;
  }

  /** FNV-1a, 64 bits. */
  private static long stream(String id) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : id.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
    }
    return hash;
  }

  @Override
  public void close() {
    decoder.close();
    batches.close();
  }
}
