package dev.palimpsest.eval.decoding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SamplingTest {
  /** Probabilities 0.4, 0.1, 0.3, 0.05, 0.15. */
  private static final float[] LOGITS = logits(0.4, 0.1, 0.3, 0.05, 0.15);

  private static final Ban NONE = new Ban(List.of());

  @Test
  void temperatureOneDrawsTheModelsOwnDistribution() {
    assertShares(new Sampling(1, 1, NONE), 0.4, 0.1, 0.3, 0.05, 0.15);
  }

  @Test
  void temperatureSharpensAndFlattens() {
    double[] squares = {0.16, 0.01, 0.09, 0.0025, 0.0225};
    double sum = 0.285;
    assertShares(
        new Sampling(0.5, 1, NONE),
        squares[0] / sum,
        squares[1] / sum,
        squares[2] / sum,
        squares[3] / sum,
        squares[4] / sum);
  }

  @Test
  void aNucleusHoldsTheFewestTokensThatReachP() {
    assertShares(new Sampling(1, 0.5, NONE), 4 / 7.0, 0, 3 / 7.0, 0, 0);
    assertShares(new Sampling(1, 0.71, NONE), 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85);
    assertShares(new Sampling(1, 0.1, NONE), 1, 0, 0, 0, 0);
    assertShares(new Sampling(1, 0.999, NONE), 0.4, 0.1, 0.3, 0.05, 0.15);
  }

  @Test
  void temperatureComesBeforeTheNucleus() {
    // Squared and normalised: 0.56, 0.035, 0.32, 0.009, 0.079; the first alone is more than half.
    assertShares(new Sampling(0.5, 0.5, NONE), 1, 0, 0, 0, 0);
  }

  @Test
  void tokensAsLikelyAsTheLastOfANucleusBelongToIt() {
    Sampling sampling = new Sampling(1, 0.4, NONE);
    float[] ties = logits(0.3, 0.2, 0.2, 0.2, 0.1);
    assertEquals(3, sampling.choose(ties, 0.99).token());
  }

  @Test
  void bannedTokensLeaveTheirShareToTheOthersAndKeepTheirPartOfLogProbabilities() {
    Sampling sampling = new Sampling(1, 1, new Ban(List.of(0, 3)));
    assertShares(sampling, 0, 0.1 / 0.55, 0.3 / 0.55, 0, 0.15 / 0.55);
    assertEquals(Math.log(0.1), sampling.choose(LOGITS, 0).logProbability(), 1e-6);
    Sampling nothing = new Sampling(1, 1, new Ban(List.of(0, 1, 2, 3, 4)));
    assertThrows(IllegalStateException.class, () -> nothing.choose(LOGITS, 0.5));
  }

  @Test
  void logProbabilitiesKnowNothingOfTemperature() {
    assertEquals(
        Math.log(0.3), new Sampling(0.25, 0.9, NONE).choose(LOGITS, 0.9).logProbability(), 1e-6);
  }

  /** What "settled" promises: rounding, drawn anew at each trial, does not turn the choice. */
  @Test
  void aSettledDrawWithstandsRounding() {
    SplittableRandom random = new SplittableRandom(2);
    for (Sampling sampling :
        List.of(
            new Sampling(1, 1, NONE),
            new Sampling(0.7, 1, NONE),
            new Sampling(1, 0.8, NONE),
            new Sampling(2, 0.5, NONE))) {
      int settled = 0;
      for (int trial = 0; trial < 20_000; trial++) {
        float[] logits = new float[30];
        float[] rounded = new float[30];
        for (int i = 0; i < logits.length; i++) {
          logits[i] = (float) (6 * random.nextDouble());
          rounded[i] = (float) (logits[i] + Decoder.CLOSE / 2 * (2 * random.nextDouble() - 1));
        }
        double draw = random.nextDouble();
        Choice choice = sampling.choose(logits, draw);
        if (choice.settled()) {
          settled++;
          assertEquals(choice.token(), sampling.choose(rounded, draw).token());
        }
      }
      assertTrue(settled > 15_000, settled + " of 20000 are settled");
    }
  }

  @Test
  void aDrawAtABoundaryIsNotSettled() {
    Sampling sampling = new Sampling(1, 1, NONE);
    assertFalse(sampling.choose(LOGITS, 0.4 + 1e-6).settled());
    assertFalse(sampling.choose(LOGITS, 0.5 - 1e-6).settled());
    assertTrue(sampling.choose(LOGITS, 0.45).settled());
    // 0.4 + 0.3 is p: rounding decides whether a third token is in.
    assertFalse(new Sampling(1, 0.7, NONE).choose(LOGITS, 0.99).settled());
  }

  @Test
  void drawsAreUniformAndTheirOwn() {
    double sum = 0;
    double squares = 0;
    int n = 100_000;
    for (int i = 0; i < n; i++) {
      double draw = new Draws(3, i, 0).next();
      assertTrue(draw >= 0 && draw < 1);
      sum += draw;
      squares += draw * draw;
    }
    assertEquals(0.5, sum / n, 0.004); // 4 standard errors
    assertEquals(1 / 3.0, squares / n, 0.004);
    assertFalse(new Draws(3, 5, 0).next() == new Draws(3, 5, 1).next());
    assertFalse(new Draws(3, 5, 0).next() == new Draws(4, 5, 0).next());
  }

  private static float[] logits(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (Math.log(probabilities[i]) + 2);
    }
    return logits;
  }

  private static void assertShares(Sampling sampling, double... expected) {
    int[] counts = new int[expected.length];
    int draws = 100_000;
    for (int i = 0; i < draws; i++) {
      counts[sampling.choose(LOGITS, (i + 0.5) / draws).token()]++;
    }
    for (int i = 0; i < counts.length; i++) {
      assertEquals(expected[i], counts[i] / (double) draws, 2e-5); // evenly spaced draws
    }
  }
}
