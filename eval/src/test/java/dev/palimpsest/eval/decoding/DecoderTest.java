package dev.palimpsest.eval.decoding;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.configs.evaluation.SamplerConfig;
import dev.palimpsest.eval.decoding.Decoder.Stop;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DecoderTest {
  private static final int ROWS = 8;
  private static final int NEW = 7;

  /** Cached and full attention add up in other orders: float32 rounding. */
  private static final double ROUNDING = 1e-4;

  private TinyModel tiny;
  private DrawnPrompts drawn;

  @BeforeAll
  void drawPrompts() {
    tiny = new TinyModel(4);
    tiny.parameters.get("language/norm/scale").addi(1); // surer of itself
    drawn = new DrawnPrompts(tiny, 5, 6, 3, 5, 2, 6, 4, 3, 5);
  }

  @AfterAll
  void close() {
    tiny.close();
  }

  @Test
  void eachTokenIsTheLikeliestOfAFullForwardPassOverWhatPrecedesIt() {
    List<Decoded> rows = greedy(Stop.AT_LIMIT);
    for (int row = 0; row < ROWS; row++) {
      List<Integer> tokens = DrawnPrompts.tokens(rows.get(row));
      for (int step = 0; step < NEW; step++) {
        float[] next = drawn.next(row, tokens.subList(0, step));
        int best =
            IntStream.range(0, next.length)
                .reduce((a, b) -> next[b] > next[a] ? b : a)
                .orElseThrow();
        assertEquals(best, tokens.get(step));
        assertEquals(next[best], rows.get(row).logProbabilities()[step], ROUNDING);
      }
    }
  }

  @Test
  void rowsEndAtTheirOwnEosWhateverTheOthersDo() {
    List<Decoded> toLimit = greedy(Stop.AT_LIMIT);
    List<Decoded> toEos = greedy(Stop.AT_EOS);
    int early = 0;
    for (int row = 0; row < ROWS; row++) {
      int[] all = toLimit.get(row).tokens();
      int end = 0;
      while (end < NEW && all[end] != Tokenizer.EOS) {
        end++;
      }
      early += end < NEW ? 1 : 0;
      assertEquals(end == NEW, toEos.get(row).isTruncated());
      assertArrayEquals(Arrays.copyOf(all, Math.min(NEW, end + 1)), toEos.get(row).tokens());
    }
    // Enough rows end for the batch to shrink, and some go on; else the test shows nothing.
    assertTrue(early >= ROWS / 2 && early < ROWS, early + " rows end early");
  }

  static List<DecodeConfig> everySampler() {
    return List.of(
        DecodeConfig.greedy(NEW),
        new DecodeConfig(new SamplerConfig.Beam(3), NEW, 1, List.of(), 0),
        new DecodeConfig(new SamplerConfig.Temperature(1.3), NEW, 1, List.of(9, 77), 4),
        new DecodeConfig(new SamplerConfig.Nucleus(0.9, 1), NEW, 3, List.of(), 5));
  }

  @ParameterizedTest
  @MethodSource("everySampler")
  void neitherCompanyNorOrderNorPaddingChangesAnAnswer(DecodeConfig settings) {
    List<List<Integer>> alone = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      alone.addAll(answers(settings, 0, row));
    }
    assertTrue(new HashSet<>(alone).size() > ROWS / 2, "answers differ");
    for (int[] rows :
        List.of(
            new int[] {0, 1, 2, 3, 4, 5, 6, 7},
            new int[] {7, 3, 0},
            new int[] {5, 5, 1, 1, 2, 6, 4, 0, 3, 7, 7, 2, 5, 0, 1, 6, 3},
            new int[] {3, 6})) {
      for (int padding : new int[] {0, 9}) {
        assertEquals(
            Arrays.stream(rows).mapToObj(alone::get).toList(), answers(settings, padding, rows));
      }
    }
  }

  @Test
  void aChoiceThatIsTooCloseIsMadeByThePromptAlone() {
    try (TinyModel ties = new TinyModel(1)) {
      // All tokens as likely as each other: whatever rounding does, the lowest id is the answer.
      ties.parameters.get("language/embedding").muli(0);
      DrawnPrompts prompts = new DrawnPrompts(ties, 3, 4, 2, 5);
      try (Decoder decoder = new Decoder(ties.model, ties.weights, ties.manager)) {
        for (Decoded answer : decoder.decode(prompts.all(ties.manager), DecodeConfig.greedy(2))) {
          assertArrayEquals(new int[] {0, 0}, answer.tokens());
        }
        // Each picture once for the batch; those of the prompts alone are not the batch's.
        assertEquals(3, decoder.encodedPictures());
      }
    }
  }

  @Test
  void bannedTokensAreNeverSaidAndLogProbabilitiesStayTheModels() {
    List<Decoded> free = greedy(Stop.AT_EOS);
    Set<Integer> said = new HashSet<>();
    free.forEach(answer -> said.add(answer.tokens()[0]));
    DecodeConfig settings =
        new DecodeConfig(new SamplerConfig.Greedy(), NEW, 1, List.copyOf(said), 0);
    try (Decoder decoder = new Decoder(tiny.model, tiny.weights, tiny.manager)) {
      List<Decoded> answers = decoder.decode(drawn.all(tiny.manager), settings);
      for (int row = 0; row < ROWS; row++) {
        List<Integer> tokens = DrawnPrompts.tokens(answers.get(row));
        for (int step = 0; step < tokens.size(); step++) {
          assertFalse(said.contains(tokens.get(step)));
          float[] next = drawn.next(row, tokens.subList(0, step));
          assertEquals(next[tokens.get(step)], answers.get(row).logProbabilities()[step], ROUNDING);
        }
      }
    }
  }

  @Test
  void theBestSampleIsTheLikeliestOfAll() {
    List<SamplerConfig> once = List.of(new SamplerConfig.Temperature(1));
    DecodeConfig several = new DecodeConfig(once.get(0), NEW, 6, List.of(), 8);
    List<Decoded> best = decode(several);
    DecodeConfig first = new DecodeConfig(once.get(0), NEW, 1, List.of(), 8);
    int better = 0;
    List<Decoded> single = decode(first);
    for (int row = 0; row < ROWS; row++) {
      double gain = best.get(row).logProbability() - single.get(row).logProbability();
      assertTrue(gain >= -ROUNDING, "the first sample is among them");
      better += gain > ROUNDING ? 1 : 0;
      double sum = 0;
      List<Integer> tokens = DrawnPrompts.tokens(best.get(row));
      for (int step = 0; step < tokens.size(); step++) {
        sum += drawn.next(row, tokens.subList(0, step))[tokens.get(step)];
      }
      assertEquals(sum, best.get(row).logProbability(), ROUNDING);
    }
    assertTrue(better > ROWS / 2);
  }

  @Test
  void aSampledAnswerDependsOnTheSeed() {
    SamplerConfig sampler = new SamplerConfig.Temperature(1);
    assertFalse(
        answers(new DecodeConfig(sampler, NEW, 1, List.of(), 1), 0, 0, 1, 2, 3)
            .equals(answers(new DecodeConfig(sampler, NEW, 1, List.of(), 2), 0, 0, 1, 2, 3)));
  }

  @Test
  void givenAnswersAreAsLikelyAsFullForwardPassesSay() {
    List<List<int[]>> candidates = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      candidates.add(
          row == 2
              ? List.of()
              : List.of(
                  new int[] {Tokenizer.EOS},
                  new int[] {40 + row, 60, 80, Tokenizer.EOS},
                  new int[] {50, Tokenizer.EOS}));
    }
    try (Decoder decoder = new Decoder(tiny.model, tiny.weights, tiny.manager)) {
      List<List<Likelihood>> all = decoder.score(drawn.all(tiny.manager), candidates);
      for (int row = 0; row < ROWS; row++) {
        assertEquals(candidates.get(row).size(), all.get(row).size());
        for (int c = 0; c < candidates.get(row).size(); c++) {
          Likelihood likelihood = all.get(row).get(c);
          List<Integer> before = new ArrayList<>();
          double sum = 0;
          int[] tokens = candidates.get(row).get(c);
          for (int i = 0; i < tokens.length; i++) {
            float[] next = drawn.next(row, before);
            assertEquals(next[tokens[i]], likelihood.logProbabilities()[i], ROUNDING);
            int token = tokens[i];
            assertEquals(
                IntStream.range(0, next.length).allMatch(t -> t == token || next[t] < next[token]),
                likelihood.likeliest()[i]);
            sum += next[tokens[i]];
            before.add(tokens[i]);
          }
          assertEquals(sum, likelihood.sum(), ROUNDING);
          assertEquals(sum / tokens.length, likelihood.mean(), ROUNDING);
        }
      }
      assertEquals(ROWS, decoder.encodedPictures());
    }
  }

  @Test
  void whatWasDecodedIsScoredTheSame() {
    List<Decoded> answers = greedy(Stop.AT_EOS);
    try (Decoder decoder = new Decoder(tiny.model, tiny.weights, tiny.manager)) {
      List<List<Likelihood>> scored =
          decoder.score(
              drawn.all(tiny.manager), answers.stream().map(a -> List.of(a.tokens())).toList());
      for (int row = 0; row < ROWS; row++) {
        Likelihood likelihood = scored.get(row).get(0);
        assertEquals(answers.get(row).logProbability(), likelihood.sum(), ROUNDING);
        for (boolean likeliest : likelihood.likeliest()) {
          assertTrue(likeliest);
        }
      }
    }
  }

  @Test
  void eachPictureIsComputedOnceAsLongAsItIsRemembered() {
    DecodeConfig settings = DecodeConfig.greedy(2);
    long one = 4L * 24 * Float.BYTES; // 4 image tokens of width 24
    try (Decoder remembers = new Decoder(tiny.model, tiny.weights, tiny.manager, 2 * one);
        Decoder forgets = new Decoder(tiny.model, tiny.weights, tiny.manager, 0);
        NDManager manager = tiny.manager.newSubManager()) {
      for (int[] rows : List.of(new int[] {0, 1, 0, 0}, new int[] {1, 1}, new int[] {0, 2})) {
        Prompts prompts = drawn.of(manager, 0, rows);
        List<Decoded> with = remembers.decode(prompts, settings);
        List<Decoded> without = forgets.decode(prompts, settings);
        for (int i = 0; i < rows.length; i++) {
          assertArrayEquals(without.get(i).tokens(), with.get(i).tokens());
        }
      }
      assertEquals(3, remembers.encodedPictures());
      assertEquals(2 + 1 + 2, forgets.encodedPictures());
      remembers.decode(drawn.of(manager, 0, 0), settings);
      assertEquals(3, remembers.encodedPictures(), "the last two pictures are 0 and 2");
      remembers.decode(drawn.of(manager, 0, 1), settings);
      assertEquals(4, remembers.encodedPictures(), "1 was forgotten");
    }
  }

  @Test
  void nothingIsLeftInTheCallersManager() {
    try (NDManager manager = tiny.manager.newSubManager()) {
      Prompts prompts = drawn.all(manager);
      long before = manager.getManagedArrays().size();
      for (DecodeConfig settings : everySampler()) {
        try (Decoder decoder = new Decoder(tiny.model, tiny.weights, manager)) {
          decoder.decode(prompts, settings);
        }
      }
      assertEquals(before, manager.getManagedArrays().size());
    }
  }

  private List<Decoded> greedy(Stop stop) {
    try (Decoder decoder = new Decoder(tiny.model, tiny.weights, tiny.manager)) {
      return decoder.decode(drawn.all(tiny.manager), DecodeConfig.greedy(NEW), stop);
    }
  }

  private List<Decoded> decode(DecodeConfig settings) {
    try (Decoder decoder = new Decoder(tiny.model, tiny.weights, tiny.manager)) {
      return decoder.decode(drawn.all(tiny.manager), settings);
    }
  }

  private List<List<Integer>> answers(DecodeConfig settings, int padding, int... rows) {
    try (NDManager manager = tiny.manager.newSubManager();
        Decoder decoder = new Decoder(tiny.model, tiny.weights, manager)) {
      return decoder.decode(drawn.of(manager, padding, rows), settings).stream()
          .map(DrawnPrompts::tokens)
          .toList();
    }
  }
}
