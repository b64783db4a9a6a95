package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.stream.StreamSupport;

/** Distances between arrays of numbers. A NaN on either side makes the distance NaN. */
final class Values {
  private Values() {}

  /** Values of an array of any type, in row-major order. */
  static double[] of(NDArray array) {
    try (NDArray wide = array.toType(DataType.FLOAT64, true)) {
      return wide.toDoubleArray();
    }
  }

  /** Values of a JSON list of numbers, nested or not, in order. */
  static double[] of(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .flatMapToDouble(
            n ->
                n.isArray()
                    ? Arrays.stream(of(n))
                    : Arrays.stream(new double[] {n.asDouble(Double.NaN)}))
        .toArray();
  }

  /** Integers as values. */
  static double[] of(int[] values) {
    return Arrays.stream(values).asDoubleStream().toArray();
  }

  /** Largest absolute difference. */
  static double absolute(double[] actual, double[] expected) {
    requireSameLength(actual, expected);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
    }
    return worst;
  }

  /** Largest absolute difference, in units of the largest reference element. */
  static double ofLargest(double[] actual, double[] expected) {
    double difference = absolute(actual, expected);
    return difference == 0 ? 0 : difference / largest(expected);
  }

  /** Largest difference, each in units of its own reference element. */
  static double relative(double[] actual, double[] expected) {
    requireSameLength(actual, expected);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs(actual[i] - expected[i]);
      worst = Math.max(worst, difference == 0 ? 0 : difference / Math.abs(expected[i]));
    }
    return worst;
  }

  static double relative(double actual, double expected) {
    return relative(new double[] {actual}, new double[] {expected});
  }

  /** Largest difference in units of 1e-7 + 1e-5 |x|. */
  static double elementwise(double[] actual, double[] expected) {
    requireSameLength(actual, expected);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double allowed = 1e-7 + 1e-5 * Math.abs(expected[i]);
      worst = Math.max(worst, Math.abs(actual[i] - expected[i]) / allowed);
    }
    return worst;
  }

  /** The number of elements that differ. */
  static double differing(double[] actual, double[] expected) {
    requireSameLength(actual, expected);
    long count = 0;
    for (int i = 0; i < expected.length; i++) {
      count += actual[i] == expected[i] ? 0 : 1;
    }
    return count;
  }

  /** Largest absolute value. */
  static double largest(double[] values) {
    double largest = 0;
    for (double v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  private static void requireSameLength(double[] actual, double[] expected) {
    if (actual.length != expected.length) {
      throw new IllegalArgumentException(
          "has " + actual.length + " elements where the reference has " + expected.length);
    }
  }
}
