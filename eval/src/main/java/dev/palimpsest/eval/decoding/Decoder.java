package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.KeyValueCache;
import dev.palimpsest.model.towers.TokenScores;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Continues prompts one batch at a time, and computes how likely given continuations are.
 *
 * <p>In float32 a prompt's answer does not depend on its batch. Matrix products of other sizes
 * round differently, so that log-probabilities differ in their last digits; if a choice is closer
 * than {@link #CLOSE}, which is far more than the effect of rounding, the prompt is answered again
 * by itself, and that answer counts. All other choices are the same alone and in any batch.
 *
 * <p>Not thread-safe.
 */
public final class Decoder implements AutoCloseable {
  /**
   * Choices closer than this, in log-probability, are made for the prompt by itself. Other batch
   * sizes were observed to change float32 log-probabilities by up to 5e-5 (6 + 6 blocks of width
   * 512, tokens as unlikely as e^-70); the sums of a beam accumulate such differences.
   */
  static final double CLOSE = 1e-3;

  private static final long FEATURE_BYTES = 256L << 20;

  private final VisionLanguageModel model;
  private final Weights weights;
  private final NDManager parent;
  private final ImageFeatures features;

  /** When an answer ends. */
  public enum Stop {
    /** At EOS or at the token limit. */
    AT_EOS,
    /** Only at the token limit, as in the traces of some reference programs. */
    AT_LIMIT
  }

  /**
   * Creates a decoder, which is valid as long as the parameters do not change.
   *
   * @param parent everything made here lives in children of it
   */
  public Decoder(VisionLanguageModel model, Weights weights, NDManager parent) {
    this(model, weights, parent, FEATURE_BYTES);
  }

  /**
   * Creates a decoder with another limit for cached image tokens.
   *
   * @param featureBytes memory for image tokens that later batches may share; 0 for none
   */
  public Decoder(VisionLanguageModel model, Weights weights, NDManager parent, long featureBytes) {
    this.model = model;
    this.weights = weights;
    this.parent = parent;
    this.features = new ImageFeatures(model, weights, parent, featureBytes);
  }

  /** Answers by row, as {@link DecodeConfig} says. */
  public List<Decoded> decode(Prompts prompts, DecodeConfig settings) {
    return decode(prompts, settings, Stop.AT_EOS);
  }

  /**
   * Answers by row.
   *
   * @param stop ignored by beam search, which ends by its own rule
   */
  public List<Decoded> decode(Prompts prompts, DecodeConfig settings, Stop stop) {
    return answers(prompts, settings, stop, null).stream().map(Outcome::requiredAnswer).toList();
  }

  /**
   * Computes how likely given answers are; picture and prompt are computed once for all answers to
   * a prompt.
   *
   * @param candidates by row; each the tokens of an answer, including its EOS
   * @return by row, then candidate
   */
  public List<List<Likelihood>> score(Prompts prompts, List<List<int[]>> candidates) {
    return answers(prompts, null, Stop.AT_EOS, candidates).stream()
        .map(Outcome::likelihoods)
        .toList();
  }

  /** The number of pictures encoded so far. */
  public long encodedPictures() {
    return features.encoded();
  }

  /** The result for one prompt. */
  record Outcome(@Nullable Decoded answer, List<Likelihood> likelihoods, boolean settled) {
    Decoded requiredAnswer() {
      if (answer == null) {
        throw new IllegalStateException("nothing was decoded");
      }
      return answer;
    }
  }

  /**
   * Answers and scores.
   *
   * @param settings null if nothing is to be decoded
   * @param candidates null if nothing is to be scored
   */
  List<Outcome> answers(
      Prompts prompts,
      @Nullable DecodeConfig settings,
      Stop stop,
      @Nullable List<List<int[]>> candidates) {
    List<Outcome> outcomes = new ArrayList<>(run(prompts, settings, stop, candidates, features));
    for (int row = 0; row < prompts.size(); row++) {
      if (!outcomes.get(row).settled()) {
        try (NDManager scope = parent.newSubManager();
            ImageFeatures fresh = new ImageFeatures(model, weights, scope, 0)) {
          List<List<int[]>> own = candidates == null ? null : List.of(candidates.get(row));
          outcomes.set(row, run(prompts.alone(scope, row), settings, stop, own, fresh).get(0));
        }
      }
    }
    return outcomes;
  }

  private List<Outcome> run(
      Prompts prompts,
      @Nullable DecodeConfig settings,
      Stop stop,
      @Nullable List<List<int[]>> candidates,
      ImageFeatures images) {
    int room =
        Math.max(
            settings == null ? 0 : settings.maxNewTokens(),
            candidates == null
                ? 0
                : candidates.stream()
                    .flatMap(List::stream)
                    .mapToInt(c -> c.length)
                    .max()
                    .orElse(0));
    try (NDManager scope = parent.newSubManager();
        KeyValueCache cache =
            model.prefill(
                scope,
                weights,
                images.of(scope, prompts.images()),
                prompts.trimmedText(scope),
                prompts.lengths(),
                room)) {
      List<List<Likelihood>> likelihoods = new ArrayList<>();
      boolean[] settled = new boolean[prompts.size()];
      Arrays.fill(settled, true);
      if (candidates != null) {
        likelihoods.addAll(likelihoods(cache, candidates, settled));
      }
      Hypotheses answers = settings == null ? null : grow(cache, prompts, settings, stop, scope);
      List<Outcome> outcomes = new ArrayList<>();
      for (int row = 0; row < prompts.size(); row++) {
        outcomes.add(
            new Outcome(
                answers == null ? null : answers.answer(row),
                likelihoods.isEmpty() ? List.of() : likelihoods.get(row),
                settled[row] && (answers == null || answers.isSettled(row))));
      }
      return outcomes;
    }
  }

  private Hypotheses grow(
      KeyValueCache cache, Prompts prompts, DecodeConfig settings, Stop stop, NDManager scope) {
    Ban ban = new Ban(settings.bannedTokens());
    Hypotheses answers =
        settings
            .sampler()
            .match(
                greedy -> new Rows(prompts.streams(), settings, stop, new Greedy(scope, ban)),
                beam -> new Beams(prompts.size(), beam.size(), settings, ban, scope),
                temperature ->
                    new Rows(
                        prompts.streams(), settings, stop, new Sampling(temperature.t(), 1, ban)),
                nucleus ->
                    new Rows(
                        prompts.streams(),
                        settings,
                        stop,
                        new Sampling(nucleus.t(), nucleus.p(), ban)));
    if (settings.bestOf() > 1) {
      cache.select(
          IntStream.range(0, prompts.size() * settings.bestOf())
              .mapToLong(row -> row / settings.bestOf())
              .toArray());
    }
    answers.extend(cache.logits());
    while (!answers.haveEnded()) {
      long[] parents = answers.parents();
      if (!isIdentity(parents, cache.rows())) {
        cache.select(parents);
      }
      model.decodeStep(weights, cache, answers.tokens());
      answers.extend(cache.logits());
    }
    return answers;
  }

  private static boolean isIdentity(long[] rows, int count) {
    return rows.length == count && IntStream.range(0, count).allMatch(i -> rows[i] == i);
  }

  /** Scores the first candidate of all rows in one pass, then the second, and so on. */
  private List<List<Likelihood>> likelihoods(
      KeyValueCache cache, List<List<int[]>> candidates, boolean[] settled) {
    List<List<Likelihood>> likelihoods = new ArrayList<>();
    candidates.forEach(row -> likelihoods.add(new ArrayList<>()));
    int rounds = candidates.stream().mapToInt(List::size).max().orElse(0);
    for (int round = 0; round < rounds; round++) {
      int longest = 1;
      for (List<int[]> row : candidates) {
        longest = Math.max(longest, round < row.size() ? row.get(round).length : 0);
      }
      long[] tokens = new long[candidates.size() * longest]; // padded with 0
      for (int row = 0; row < candidates.size(); row++) {
        if (round < candidates.get(row).size()) {
          int[] candidate = candidates.get(row).get(round);
          for (int i = 0; i < candidate.length; i++) {
            tokens[row * longest + i] = candidate[i];
          }
        }
      }
      try (NDManager scope = parent.newSubManager()) {
        NDArray ids = scope.create(tokens, new Shape(candidates.size(), longest));
        TokenScores scores = model.continuationScores(scope, weights, cache, ids);
        float[] logProbabilities = scores.logProbabilities().toFloatArray();
        float[] leads = scores.leads().toFloatArray();
        for (int row = 0; row < candidates.size(); row++) {
          if (round < candidates.get(row).size()) {
            int length = candidates.get(row).get(round).length;
            int from = row * longest;
            boolean[] likeliest = new boolean[length];
            for (int i = 0; i < length; i++) {
              likeliest[i] = leads[from + i] > 0;
              settled[row] &= Math.abs(leads[from + i]) > CLOSE;
            }
            likelihoods
                .get(row)
                .add(
                    new Likelihood(
                        Arrays.copyOfRange(logProbabilities, from, from + length), likeliest));
          }
        }
      }
    }
    for (int row = 0; row < settled.length; row++) {
      settled[row] &= areApart(likelihoods.get(row));
    }
    return likelihoods;
  }

  /** Whether neither the sums nor the means of any two candidates are close. */
  private static boolean areApart(List<Likelihood> likelihoods) {
    double[] sums = likelihoods.stream().mapToDouble(Likelihood::sum).sorted().toArray();
    double[] means = likelihoods.stream().mapToDouble(Likelihood::mean).sorted().toArray();
    for (int i = 1; i < sums.length; i++) {
      if (sums[i] - sums[i - 1] <= CLOSE || means[i] - means[i - 1] <= CLOSE) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    features.close();
  }
}
