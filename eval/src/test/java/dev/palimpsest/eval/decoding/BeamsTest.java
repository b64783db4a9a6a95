package dev.palimpsest.eval.decoding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.configs.evaluation.SamplerConfig;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BeamsTest {
  /** Cached and full attention add up in other orders: float32 rounding of a few tokens. */
  private static final double ROUNDING = 1e-4;

  private TinyModel tiny;
  private DrawnPrompts drawn;

  @BeforeAll
  void draw() {
    tiny = new TinyModel(3);
    tiny.parameters.get("language/norm/scale").addi(2); // surer of itself: longer answers
    drawn = new DrawnPrompts(tiny, 21, 4, 2, 6, 3, 5);
  }

  @AfterAll
  void close() {
    tiny.close();
  }

  /** An answer and its summed log-probability. */
  private record Scored(List<Integer> tokens, double sum) {
    Scored with(int token, float logProbability) {
      List<Integer> longer = new ArrayList<>(tokens);
      longer.add(token);
      return new Scored(longer, sum + logProbability);
    }
  }

  private static final Scored NOTHING = new Scored(List.of(), 0);

  @Test
  void aBeamThatHoldsEverythingFindsTheLikeliestOfAllAnswers() {
    int limit = 4;
    List<Integer> allowed = List.of(Tokenizer.EOS, 17, 45, 90, 101);
    List<Integer> banned =
        IntStream.range(0, TinyModel.VOCABULARY).filter(t -> !allowed.contains(t)).boxed().toList();
    List<Decoded> found = decode(new SamplerConfig.Beam(64), limit, banned);
    List<Decoded> narrow = decode(new SamplerConfig.Beam(1), limit, banned);
    int better = 0;
    for (int row = 0; row < drawn.count; row++) {
      Scored best = likeliest(row, NOTHING, limit, allowed);
      assertEquals(best.tokens(), DrawnPrompts.tokens(found.get(row)));
      assertEquals(best.sum(), found.get(row).logProbability(), ROUNDING);
      better += narrow.get(row).logProbability() < best.sum() - ROUNDING ? 1 : 0;
    }
    assertTrue(better > 0, "a narrow beam misses some, else the test shows nothing");
  }

  /** By going through all answers that end within the limit. */
  private Scored likeliest(int row, Scored answer, int limit, List<Integer> allowed) {
    float[] next = drawn.next(row, answer.tokens());
    Scored best = answer.with(Tokenizer.EOS, next[Tokenizer.EOS]);
    if (best.tokens().size() < limit) {
      for (int token : allowed) {
        if (token != Tokenizer.EOS) {
          Scored longer = likeliest(row, answer.with(token, next[token]), limit, allowed);
          best = longer.sum() > best.sum() ? longer : best;
        }
      }
    }
    return best;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void beamsSearchAsAPlainSearchDoes(int size) {
    int limit = 6;
    List<Decoded> found = decode(new SamplerConfig.Beam(size), limit, List.of());
    for (int row = 0; row < drawn.count; row++) {
      Scored expected = search(row, size, limit);
      assertEquals(expected.tokens(), DrawnPrompts.tokens(found.get(row)));
      assertEquals(expected.sum(), found.get(row).logProbability(), ROUNDING);
      assertFalse(found.get(row).isTruncated());
    }
  }

  /** The rules, a hypothesis at a time and without a cache. */
  private Scored search(int row, int size, int limit) {
    List<Scored> live = List.of(NOTHING);
    Scored best = new Scored(List.of(), Double.NEGATIVE_INFINITY);
    for (int step = 0; step < limit; step++) {
      List<Scored> candidates = new ArrayList<>();
      for (Scored answer : live) {
        float[] next = drawn.next(row, answer.tokens());
        Scored ended = answer.with(Tokenizer.EOS, next[Tokenizer.EOS]);
        best = ended.sum() > best.sum() ? ended : best;
        for (int token = 0; token < next.length; token++) {
          if (token != Tokenizer.EOS) {
            candidates.add(answer.with(token, next[token]));
          }
        }
      }
      candidates.sort(Comparator.comparingDouble(Scored::sum).reversed());
      live = candidates.subList(0, size);
      if (best.sum() > live.get(0).sum()) {
        break;
      }
    }
    return best;
  }

  @Test
  void whereEosIsBannedTheBestLiveAnswerCounts() {
    Decoded answer = decode(new SamplerConfig.Beam(2), 3, List.of(Tokenizer.EOS)).get(0);
    assertEquals(3, answer.tokens().length);
    assertTrue(answer.isTruncated());
  }

  private List<Decoded> decode(SamplerConfig sampler, int limit, List<Integer> banned) {
    try (Decoder decoder = new Decoder(tiny.model, tiny.weights, tiny.manager)) {
      return decoder.decode(
          drawn.all(tiny.manager), new DecodeConfig(sampler, limit, 1, banned, 0));
    }
  }
}
