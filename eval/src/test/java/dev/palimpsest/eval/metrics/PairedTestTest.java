package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.eval.metrics.MetricResult.ExampleScore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PairedTestTest {
  private static final MetricId METRIC = new MetricId("made_up", "official", 1);

  private static MetricResult means(double... scores) {
    Scoreboard board = new Scoreboard(METRIC, "score");
    for (int i = 0; i < scores.length; i++) {
      board.add(new MetricRecord(Integer.toString(i), "", List.of()), scores[i]);
    }
    return board.result();
  }

  @Test
  void rightAndWrongAreTestedByMcNemarExactly() {
    // The second is right on 9 examples where the first is wrong, and wrong on 1; 20 are the same.
    double[] first = new double[30];
    double[] second = new double[30];
    Arrays.fill(second, 0, 9, 1);
    first[9] = 1;
    Arrays.fill(first, 10, 20, 1);
    Arrays.fill(second, 10, 20, 1);
    PairedTest test = PairedTest.of(means(first), means(second), Map.of(), Bootstrap.STANDARD);
    assertEquals(PairedTest.Kind.MCNEMAR, test.test());
    assertEquals(9, test.higher());
    assertEquals(1, test.lower());
    assertEquals(20, test.same());
    assertEquals(8 / 30.0, test.difference(), 1e-12);
    // Two-sided binomial of 1 in 10 at one half: 2 (1 + 10) / 1024.
    assertEquals(22 / 1024.0, test.p(), 1e-12);
    assertTrue(test.interval().low() > 0 && test.interval().high() < 0.5, test.toString());
  }

  @Test
  void manyDiscordantExamplesDoNotUnderflow() {
    // R: binom.test(4900, 10000)$p.value is 0.04660; a normal approximation gives the same to 1e-4.
    assertEquals(0.0466, PairedTest.mcNemar(4900, 5100), 2e-4);
    assertEquals(1, PairedTest.mcNemar(50_000, 50_000), 1e-9);
    assertEquals(1, PairedTest.mcNemar(0, 0), 0);
  }

  @Test
  void otherScoresAreExchangedAtRandom() {
    // Of the 8 ways to give 1, 2, 3 signs, two are as far from zero: p is 1/4. 10,000 draws have a
    // standard deviation of 0.0043; the bound is four of them.
    PairedTest test = PairedTest.of(means(0, 0, 0), means(1, 2, 3), Map.of(), Bootstrap.STANDARD);
    assertEquals(PairedTest.Kind.PERMUTATION, test.test());
    assertEquals(0.25, test.p(), 0.018);
  }

  @Test
  void examplesThatShareAPictureAreExchangedTogether() {
    int n = 40;
    double[] second = new double[n];
    Map<String, String> clusters = new HashMap<>();
    for (int i = 0; i < n; i++) {
      second[i] = i < 32 ? 1 : -1;
      clusters.put(Integer.toString(i), "picture " + i / 8);
    }
    PairedTest alone =
        PairedTest.of(means(new double[n]), means(second), Map.of(), Bootstrap.STANDARD);
    PairedTest shared =
        PairedTest.of(means(new double[n]), means(second), clusters, Bootstrap.STANDARD);
    assertEquals(PairedTest.Kind.MCNEMAR, alone.test());
    assertEquals(PairedTest.Kind.PERMUTATION, shared.test());
    // Five pictures, of which one differs from the others: 2 (1 + 5) / 32 outcomes are as uneven.
    assertEquals(12 / 32.0, shared.p(), 0.02);
    assertTrue(alone.p() < 0.001, alone.toString());
    assertTrue(
        shared.interval().high() - shared.interval().low()
            > 1.5 * (alone.interval().high() - alone.interval().low()));
  }

  @Test
  void metricsOfAWholeSplitAreResampledTogether() {
    double[] base = new double[60];
    double[] better = new double[60];
    for (int i = 0; i < base.length; i++) {
      base[i] = i % 10;
      better[i] = base[i] + 0.5 + 0.1 * (i % 3);
    }
    PairedTest test =
        PairedTest.of(corpus(base), corpus(better), Map.of(), new Bootstrap(200, 0, 0.95));
    assertEquals(PairedTest.Kind.BOOTSTRAP, test.test());
    // Each resample takes the same examples from both, so that what varies between examples and not
    // between models is not in the interval.
    assertTrue(test.interval().low() > 0.5 && test.interval().high() < 0.8, test.toString());
    assertEquals(2 / 201.0, test.p(), 1e-12);
    assertEquals(0, test.higher() + test.lower() + test.same());
  }

  private static MetricResult corpus(double[] values) {
    return new MetricResult(
        METRIC,
        "score",
        Arrays.stream(values).average().orElseThrow(),
        Map.of(),
        List.of(),
        values.length,
        0,
        drawn -> Arrays.stream(drawn).mapToDouble(i -> values[i]).average().orElseThrow());
  }

  @Test
  void onlyTheSameExamplesAreCompared() {
    MetricResult two = means(1, 0);
    List<ExampleScore> others = new ArrayList<>(two.examples());
    others.set(1, new ExampleScore("another", 0));
    MetricResult other =
        new MetricResult(
            METRIC, "score", 0.5, Map.of(), others, 2, 0, new Scoreboard.MeanOf(two.scores()));
    for (MetricResult wrong : List.of(means(1, 0, 1), other)) {
      assertThrows(
          MetricInputException.class,
          () -> PairedTest.of(two, wrong, Map.of(), Bootstrap.STANDARD));
    }
  }

  /** Student's distribution in tables: t of a two-sided 5 %. */
  @ParameterizedTest
  @CsvSource({
    "1, 12.7062",
    "2, 4.3027",
    "3, 3.1824",
    "4, 2.7764",
    "9, 2.2622",
    "10, 2.2281",
    "100, 1.9840"
  })
  void tailsAreThoseOfStudentsTable(int freedom, double t) {
    StudentsT students = new StudentsT(freedom);
    assertEquals(0.05, students.tails(t), 1e-5); // t has four decimals
    assertEquals(t, students.quantile(0.95), 5e-5);
    assertEquals(1, students.tails(0), 1e-12);
  }

  @Test
  void fewPairsAreTestedByT() {
    PairedTest test = PairedTest.student(List.of(new double[] {0.1, 0.2, 0.3}));
    assertEquals(PairedTest.Kind.STUDENT, test.test());
    assertEquals(0.1 / Math.sqrt(3), test.standardError(), 1e-12);
    // t = 0.2 / (0.1 / sqrt 3) = 3.4641 with 2 degrees of freedom
    assertEquals(0.07418, test.p(), 1e-5);
    assertEquals(0.2 - 4.3027 * 0.1 / Math.sqrt(3), test.interval().low(), 1e-5);
    assertEquals(3, test.higher());
    PairedTest alone = PairedTest.student(List.of(new double[] {0.1}));
    assertTrue(Double.isNaN(alone.p()) && Double.isNaN(alone.interval().low()), alone.toString());
  }

  @Test
  void holmConsidersAllComparisons() {
    // 0.01 * 4 and 0.013 * 3 are below 0.05; 0.03 * 2 is not, and so neither is what follows.
    assertArrayEquals(
        new boolean[] {true, false, true, false},
        PairedTest.holm(new double[] {0.01, 0.04, 0.013, 0.03}, 0.05));
  }
}
