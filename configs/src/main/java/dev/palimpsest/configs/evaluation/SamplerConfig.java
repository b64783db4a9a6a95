package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.function.Function;

/**
 * How the next token is chosen (big_vision trainers/proj/paligemma/predict_fns.py). Every kind uses
 * the model's output distribution after the final soft-cap, if the model has one.
 */
public sealed interface SamplerConfig {
  /** The lowest temperature; below it, logits overflow and sampling is greedy. */
  double LEAST_T = 0.001;

  /** The highest temperature; above it, all tokens are equally likely. */
  double MOST_T = 1000;

  /** The most likely token; among equally likely tokens, the one with the lowest id. */
  record Greedy() implements SamplerConfig {}

  /**
   * Beam search for the finished answer with the highest total log-probability, without length
   * normalisation. Each live answer may end at each step; the search stops when the best finished
   * answer is more likely than every live one.
   *
   * @param size number of live answers for each example
   */
  record Beam(int size) implements SamplerConfig {
    /** Checks the size. */
    public Beam {
      new Check().range("size", size, 1, 10_000, "answers").done();
    }
  }

  /**
   * Samples from softmax(logits / t).
   *
   * @param t temperature; below 1 sharpens the distribution, above 1 flattens it
   */
  record Temperature(double t) implements SamplerConfig {
    /** Checks the temperature. */
    public Temperature {
      new Check().range("t", t, LEAST_T, MOST_T).done();
    }
  }

  /**
   * Samples from softmax(logits / t), restricted to its most likely tokens.
   *
   * @param p the smallest set of most likely tokens whose probabilities sum to at least this is
   *     kept, (0, 1]
   * @param t as in {@link Temperature}
   */
  record Nucleus(double p, @Default("1") double t) implements SamplerConfig {
    /** Checks the probability and the temperature. */
    public Nucleus {
      new Check().share("p", p).range("t", t, LEAST_T, MOST_T).done();
    }
  }

  /** Whether tokens are sampled at random. */
  default boolean isRandom() {
    return match(greedy -> false, beam -> false, temperature -> true, nucleus -> true);
  }

  /** Exhaustive choice by kind. */
  default <R> R match(
      Function<Greedy, R> greedy,
      Function<Beam, R> beam,
      Function<Temperature, R> temperature,
      Function<Nucleus, R> nucleus) {
    if (this instanceof Greedy g) {
      return greedy.apply(g);
    } else if (this instanceof Beam b) {
      return beam.apply(b);
    } else if (this instanceof Temperature t) {
      return temperature.apply(t);
    }
    return nucleus.apply((Nucleus) this);
  }
}
