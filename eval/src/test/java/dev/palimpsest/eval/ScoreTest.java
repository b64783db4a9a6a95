package dev.palimpsest.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ScoreTest {
  @Test
  void aShareOfExamplesHasTheStandardErrorOfAMean() {
    Score score = Score.ofRatio(new long[] {1, 0, 1, 1}, new long[] {1, 1, 1, 1});
    assertEquals(0.75, score.value());
    assertEquals(4, score.n());
    // Sample variance of {1, 0, 1, 1} is 0.25; divided by 4, rooted.
    assertEquals(0.25, score.standardError(), 1e-15);
  }

  @Test
  void aShareOfTokensIsOverAllTokensAndItsErrorOverExamples() {
    // One example all right, one all wrong: six tokens say no more than two examples do.
    Score score = Score.ofRatio(new long[] {4, 0}, new long[] {4, 2});
    assertEquals(4.0 / 6, score.value(), 1e-15);
    assertEquals(6, score.n());
    // Residuals 4 - 8/3 and 0 - 4/3: sqrt(2 * (16/9 + 16/9)) / 6.
    assertEquals(Math.sqrt(64.0 / 9) / 6, score.standardError(), 1e-15);
  }

  @Test
  void oneExampleTellsNothingOfTheSpread() {
    assertEquals(new Score(1, 0, 1), Score.ofRatio(new long[] {1}, new long[] {1}));
  }

  @Test
  void nothingCountedIsSaidByN() {
    assertEquals(new Score(0, 0, 0), Score.ofRatio(new long[] {0, 0}, new long[] {0, 0}));
  }
}
