package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.List;

/**
 * The learning-rate factor over a stage as a function of the examples seen (big_vision utils.py,
 * create_learning_rate_schedule). Every kind starts with a linear warm-up from 0 and may end with a
 * linear cool-down to 0.
 */
public sealed interface ScheduleConfig {
  /** Length of the linear warm-up, in examples. */
  long warmupExamples();

  /** Length of the linear cool-down at the end, in examples. */
  long cooldownExamples();

  /**
   * The factor apart from warm-up and cool-down.
   *
   * @param examples seen before the update
   * @param progress share of the way from the warm-up's end to the stage's end, from 0 to 1
   */
  double decay(long examples, double progress);

  /**
   * 1 / sqrt(1 + (n + shift - warm-up) / timescale): the "infinite" schedule of PaliGemma's stages
   * 1 and 2.
   *
   * @param timescaleExamples number of examples after the warm-up at which the factor has fallen to
   *     1 / sqrt(2)
   * @param shiftExamples number of examples by which the curve is advanced, so that a stage can
   *     continue another stage's curve
   */
  record Rsqrt(
      long warmupExamples,
      long timescaleExamples,
      @Default("0") long shiftExamples,
      @Default("0") long cooldownExamples)
      implements ScheduleConfig {
    /** Checks that lengths, positions and factors are in range. */
    public Rsqrt {
      new Check()
          .examples("warmupExamples", warmupExamples)
          .range("timescaleExamples", timescaleExamples, 1, Check.MOST_EXAMPLES, "examples")
          .examples("shiftExamples", shiftExamples)
          .examples("cooldownExamples", cooldownExamples)
          .done();
    }

    @Override
    public double decay(long examples, double progress) {
      long after = Math.max(0, examples - warmupExamples);
      return 1 / Math.sqrt(1 + (double) (after + shiftExamples) / timescaleExamples);
    }
  }

  /** Half a cosine from 1 to 0, between the warm-up and the stage's end. */
  record Cosine(@Default("0") long warmupExamples, @Default("0") long cooldownExamples)
      implements ScheduleConfig {
    /** Checks that lengths, positions and factors are in range. */
    public Cosine {
      new Check()
          .examples("warmupExamples", warmupExamples)
          .examples("cooldownExamples", cooldownExamples)
          .done();
    }

    @Override
    public double decay(long examples, double progress) {
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    }
  }

  /**
   * From 1 to {@code end} between the warm-up and the stage's end: {@code end + (1 - end) * (1 -
   * p)^power}, where p is the share of that distance covered.
   *
   * @param end the factor at the stage's end
   * @param power exponent; 1 for a straight line
   */
  record Linear(
      @Default("0") long warmupExamples,
      @Default("0") long cooldownExamples,
      @Default("0") double end,
      @Default("1") double power)
      implements ScheduleConfig {
    /** Checks that lengths, positions and factors are in range. */
    public Linear {
      new Check()
          .examples("warmupExamples", warmupExamples)
          .examples("cooldownExamples", cooldownExamples)
          .range("end", end, 0, 1000)
          .range("power", power, 0.001, 1000)
          .done();
    }

    @Override
    public double decay(long examples, double progress) {
      return end + (1 - end) * Math.pow(1 - progress, power);
    }
  }

  /**
   * A piecewise constant factor; 1 before the first position.
   *
   * @param atExamples positions at which the factor changes, in examples, ascending
   * @param factors the factor from each position on; one for each position
   */
  record Stair(
      @Default("0") long warmupExamples,
      @Default("0") long cooldownExamples,
      List<Long> atExamples,
      List<Double> factors)
      implements ScheduleConfig {
    /** Checks that lengths, positions and factors are in range. */
    public Stair {
      new Check()
          .examples("warmupExamples", warmupExamples)
          .examples("cooldownExamples", cooldownExamples)
          .that(
              atExamples.size() == factors.size(),
              "factors",
              "must have one factor for each of the %d positions, got %d",
              atExamples.size(),
              factors.size())
          .that(
              atExamples.stream().sorted().toList().equals(atExamples),
              "atExamples",
              "must ascend, got %s",
              atExamples)
          .that(
              atExamples.stream().allMatch(at -> at >= 0 && at <= Check.MOST_EXAMPLES),
              "atExamples",
              "must be from 0 to %d examples each, got %s",
              Check.MOST_EXAMPLES,
              atExamples)
          .that(
              factors.stream().allMatch(factor -> factor >= 0 && factor <= 1000),
              "factors",
              "must be from 0 to 1000 each, got %s",
              factors)
          .done();
      atExamples = List.copyOf(atExamples);
      factors = List.copyOf(factors);
    }

    @Override
    public double decay(long examples, double progress) {
      double factor = 1;
      for (int i = 0; i < atExamples.size() && atExamples.get(i) <= examples; i++) {
        factor = factors.get(i);
      }
      return factor;
    }
  }

  /** A factor of 1, apart from warm-up and cool-down. */
  record Constant(@Default("0") long warmupExamples, @Default("0") long cooldownExamples)
      implements ScheduleConfig {
    /** Checks that lengths, positions and factors are in range. */
    public Constant {
      new Check()
          .examples("warmupExamples", warmupExamples)
          .examples("cooldownExamples", cooldownExamples)
          .done();
    }

    @Override
    public double decay(long examples, double progress) {
      return 1;
    }
  }
}
