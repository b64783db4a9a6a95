package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.List;
import java.util.function.Function;

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
  }

  /** Exhaustive choice by kind. */
  default <R> R match(
      Function<Rsqrt, R> rsqrt,
      Function<Cosine, R> cosine,
      Function<Linear, R> linear,
      Function<Stair, R> stair,
      Function<Constant, R> constant) {
    if (this instanceof Rsqrt r) {
      return rsqrt.apply(r);
    } else if (this instanceof Cosine c) {
      return cosine.apply(c);
    } else if (this instanceof Linear l) {
      return linear.apply(l);
    } else if (this instanceof Stair s) {
      return stair.apply(s);
    }
    return constant.apply((Constant) this);
  }
}
