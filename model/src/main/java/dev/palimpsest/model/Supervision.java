package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.model.towers.Layout;
import java.util.Arrays;

/**
 * The supervised tokens of a micro batch, the only ones that need logits. A token's place is its
 * index in the flattened [B, T].
 */
final class Supervision {
  private final int examples;
  private final int length;
  private final int[] places;
  private final int[] counts; // supervised tokens by example

  private Supervision(int examples, int length, int[] places, int[] counts) {
    this.examples = examples;
    this.length = length;
    this.places = places;
    this.counts = counts;
  }

  /** Reads a loss mask, float32 [B, T]. */
  static Supervision of(NDArray lossMask) {
    int examples = Math.toIntExact(lossMask.getShape().get(0));
    int length = Math.toIntExact(lossMask.getShape().get(1));
    float[] mask = lossMask.toFloatArray();
    int[] places = new int[mask.length];
    int[] counts = new int[examples];
    int n = 0;
    for (int i = 0; i < mask.length; i++) {
      if (mask[i] != 0) {
        places[n++] = i;
        counts[i / length]++;
      }
    }
    return new Supervision(examples, length, Arrays.copyOf(places, n), counts);
  }

  boolean isEmpty() {
    return places.length == 0;
  }

  /** Rows of these tokens in the decoder's output, viewed as [R*L, D]. */
  long[] rows(Layout layout) {
    return Arrays.stream(places).mapToLong(layout::placeOfText).toArray();
  }

  /** Targets of these tokens. */
  long[] targets(NDArray targets) {
    long[] all = targets.toLongArray();
    return Arrays.stream(places).mapToLong(place -> all[place]).toArray();
  }

  /** Weight of each token's loss: the mean within its example, then over examples. */
  float[] weights(double batchWeight) {
    float[] weights = new float[places.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) (batchWeight / examples / counts[places[i] / length]);
    }
    return weights;
  }

  /** The batch's loss from these tokens' losses. */
  Loss loss(float[] tokenLosses) {
    double[] sums = new double[examples];
    for (int i = 0; i < tokenLosses.length; i++) {
      sums[places[i] / length] += tokenLosses[i];
    }
    float[] perExample = new float[examples];
    double mean = 0;
    for (int b = 0; b < examples; b++) {
      double example = sums[b] / Math.max(1, counts[b]);
      perExample[b] = (float) example;
      mean += example / examples;
    }
    return new Loss(mean, perExample, counts);
  }
}
