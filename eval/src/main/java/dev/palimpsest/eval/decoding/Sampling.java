package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Draws from softmax(logits / t), limited to the smallest set of most likely tokens whose
 * probabilities sum to p (and those as likely as the last of them). A draw u selects the token at
 * which the cumulative probabilities, in the order of ids, exceed u.
 */
final class Sampling implements Chooser {
  private final double temperature;
  private final double p; // 1 for no limit
  private final Ban ban;
  private final double close; // in logits / t

  Sampling(double temperature, double p, Ban ban) {
    this.temperature = temperature;
    this.p = p;
    this.ban = ban;
    this.close = Decoder.CLOSE / temperature;
  }

  @Override
  public Choice[] choose(NDArray logits, List<Draws> draws) {
    float[] all = logits.toFloatArray();
    int vocabulary = all.length / draws.size();
    return IntStream.range(0, draws.size())
        .mapToObj(
            i ->
                choose(
                    Arrays.copyOfRange(all, i * vocabulary, (i + 1) * vocabulary),
                    draws.get(i).next()))
        .toArray(Choice[]::new);
  }

  /** The token of a draw from one row's logits. */
  Choice choose(float[] logits, double draw) {
    double top = -1.0 / 0.0; // of allowed tokens
    for (int i = 0; i < logits.length; i++) {
      if (!ban.contains(i)) {
        top = Math.max(top, logits[i]);
      }
    }
    double[] weights = new double[logits.length];
    double mass = 0;
    double modelMass = 0; // without temperature and ban
    for (int i = 0; i < logits.length; i++) {
      double above = logits[i] - top;
      modelMass += Math.exp(above);
      weights[i] = ban.contains(i) ? 0 : Math.exp(above / temperature);
      mass += weights[i];
    }
    Limits limits = limits(weights, mass);

    // Sums over the tokens in the set, and over those in the set under any rounding (loose) or
    // under
    // every rounding (tight).
    double in = 0;
    double tight = 0;
    double loose = 0;
    for (double weight : weights) {
      in += weight >= limits.nominal ? weight : 0;
      tight += weight >= limits.tight ? weight : 0;
      loose += weight >= limits.loose ? weight : 0;
    }
    int token = -1;
    double tightBefore = 0;
    double looseBefore = 0;
    double before = 0;
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0 && weights[i] >= limits.nominal) {
        token = i; // the last one, if rounding leaves the sum below the draw
        if (before + weights[i] > draw * in) {
          break;
        }
      }
      before += weights[i] >= limits.nominal ? weights[i] : 0;
      tightBefore += weights[i] >= limits.tight ? weights[i] : 0;
      looseBefore += weights[i] >= limits.loose ? weights[i] : 0;
    }
    if (token < 0) {
      throw new IllegalStateException(
          "no token can be drawn: logits are not numbers, or every token is banned");
    }
    double low = looseBefore / tight; // the draw must exceed this in the worst case
    double high = (tightBefore + weights[token]) / loose;
    boolean settled =
        weights[token] >= limits.tight
            && draw > low + close * low * (1 - Math.min(1, low))
            && draw < high - close * high * (1 - Math.min(1, high));
    float logProbability = (float) (logits[token] - top - Math.log(modelMass));
    return new Choice(token, logProbability, settled);
  }

  /** The lowest weight of a token in the set: as computed, and its bounds under other rounding. */
  private record Limits(double nominal, double tight, double loose) {}

  private Limits limits(double[] weights, double mass) {
    if (p >= 1) {
      return new Limits(0, 0, 0);
    }
    double margin = close * p * (1 - p) + 1e-12; // of a sum of probabilities near p
    double ratio = Math.exp(close); // of two weights
    // Tokens below this cannot be in the set: together they are less than what may be missing.
    double least = Math.max(0, 1 - p - margin) * mass / weights.length / (ratio * ratio);
    double[] sorted = Arrays.stream(weights).filter(w -> w >= least).sorted().toArray();

    // A token is in the set if the more likely ones sum to less than p.
    double nominal = 0;
    double tight = Double.POSITIVE_INFINITY;
    double loose = 0;
    double before = 0;
    double mostBefore = 0; // including those that rounding may put before it, and itself
    double leastBefore = 0; // without those that rounding may put after it
    int perhaps = sorted.length - 1;
    int surely = sorted.length - 1;
    for (int i = sorted.length - 1; i >= 0 && leastBefore < (p + margin) * mass; i--) {
      while (perhaps >= 0 && sorted[perhaps] >= sorted[i] / ratio) {
        mostBefore += sorted[perhaps--];
      }
      while (sorted[surely] > sorted[i] * ratio) {
        leastBefore += sorted[surely--];
      }
      if (before < p * mass) {
        nominal = sorted[i];
      }
      if (mostBefore - sorted[i] < (p - margin) * mass) {
        tight = sorted[i];
      }
      if (leastBefore < (p + margin) * mass) {
        loose = sorted[i];
      }
      before += sorted[i];
    }
    return new Limits(nominal, tight, loose);
  }
}
