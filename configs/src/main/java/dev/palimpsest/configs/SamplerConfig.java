package dev.palimpsest.configs;

import java.util.function.Function;

/**
 * How the next token is chosen (big_vision trainers/proj/paligemma/predict_fns.py). Every kind
 * chooses by the model's distribution with its final soft-cap, where the model has one.
 */
public sealed interface SamplerConfig {
  /** Below, logits overflow and the draw is greedy's answer. */
  double LEAST_T = 0.001;

  /** Above, every token is as likely as any other. */
  double MOST_T = 1000;

  /** The most likely token; of several equally likely the lowest id. */
  record Greedy() implements SamplerConfig {}

  /**
   * The finished answer with the highest summed log-probability that a beam of this size meets;
   * lengths are not made up for. Each live answer may end at each step; the search stops when the
   * best finished answer is likelier than every live one.
   *
   * @param size live answers an example
   */
  record Beam(int size) implements SamplerConfig {
    /** Checks ranges. */
    public Beam {
      new Check().range("size", size, 1, 10_000, "answers").done();
    }
  }

  /**
   * A draw from softmax(logits / t).
   *
   * @param t below 1 sharpens, above 1 flattens
   */
  record Temperature(double t) implements SamplerConfig {
    /** Checks ranges. */
    public Temperature {
      new Check().range("t", t, LEAST_T, MOST_T).done();
    }
  }

  /**
   * A draw from softmax(logits / t), limited to its likeliest tokens.
   *
   * @param p the fewest tokens are kept whose probabilities sum to this
   * @param t as in {@link Temperature}
   */
  record Nucleus(double p, @Default("1") double t) implements SamplerConfig {
    /** Checks ranges. */
    public Nucleus {
      new Check().share("p", p).range("t", t, LEAST_T, MOST_T).done();
    }
  }

  /** Whether choices are drawn. */
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
