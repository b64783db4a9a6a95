package dev.palimpsest.cli.certify;

import dev.palimpsest.checkpoints.tensors.ElementType;

/** Rounds to shorter number formats, to nearest, ties to even. */
final class Rounding {
  private Rounding() {}

  static double to(ElementType type, double value) {
    return switch (type) {
      case BF16 -> round(value, 8, -126);
      case F16 -> round(value, 11, -14);
      case F32 -> (float) value;
      default -> value;
    };
  }

  /**
   * Rounds to a number of significant bits; below the smallest exponent the step size stays
   * constant. Values beyond a format's range are not handled, because weights are small.
   */
  private static double round(double value, int bits, int smallestExponent) {
    if (value == 0 || !Double.isFinite(value)) {
      return value;
    }
    int exponent = Math.max(Math.getExponent(value), smallestExponent);
    double step = Math.scalb(1.0, exponent - bits + 1);
    return Math.rint(value / step) * step;
  }
}
