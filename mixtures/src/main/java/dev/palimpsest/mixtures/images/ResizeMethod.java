package dev.palimpsest.mixtures.images;

import dev.palimpsest.mixtures.order.Draw;
import java.util.List;

/**
 * One of TensorFlow's resize methods, as in {@code tf.image.resize} with half-pixel centres.
 *
 * @param kernel the weights of neighbouring pixels
 * @param antialias whether the kernel widens when shrinking; {@link Kernel#AREA} ignores this
 */
public record ResizeMethod(Kernel kernel, boolean antialias) {
  /** Kernels by name. */
  public enum Kernel {
    /** Triangle. */
    BILINEAR(1) {
      @Override
      float at(float x) {
        return Math.max(0f, 1f - x);
      }
    },
    /** Keys' cubic, a = -0.5. */
    BICUBIC(2) {
      @Override
      float at(float x) {
        return x >= 2
            ? 0
            : x >= 1 ? ((-0.5f * x + 2.5f) * x - 4f) * x + 2f : (1.5f * x - 2.5f) * x * x + 1f;
      }
    },
    /** Windowed sinc of three lobes. */
    LANCZOS3(3) {
      @Override
      float at(float x) {
        double angle = Math.PI * x;
        return x >= 3
            ? 0
            : x <= 1e-3f
                ? 1
                : (float) (3 * Math.sin(angle) * Math.sin(angle / 3) / (angle * angle));
      }
    },
    /** Mean over the area that an output pixel covers. */
    AREA(0) {
      @Override
      float at(float x) {
        throw new UnsupportedOperationException("area weights come from overlaps");
      }
    },
    /** Mitchell and Netravali's cubic, B = C = 1/3. */
    MITCHELLCUBIC(2) {
      @Override
      float at(float x) {
        return x >= 2
            ? 0
            : x >= 1
                ? ((-7f / 18 * x + 2f) * x - 10f / 3) * x + 16f / 9
                : (7f / 6 * x - 2f) * x * x + 8f / 9;
      }
    };

    private final float radius;

    Kernel(float radius) {
      this.radius = radius;
    }

    /** Half of the width, in input pixels if the kernel is not widened. */
    float radius() {
      return radius;
    }

    /**
     * Whether weights may be negative, so that sums may lie outside the range of the input levels.
     */
    boolean overshoots() {
      return this != BILINEAR && this != AREA;
    }

    /** Weight at a non-negative distance, before the weights are normalised to a sum of 1. */
    abstract float at(float x);
  }

  /**
   * Draws one of the ten methods, as big_vision's {@code resize_r}
   * (pp/proj/paligemma/robustness.py).
   */
  static ResizeMethod draw(Draw draw) {
    Kernel kernel = draw.one(List.of(Kernel.values()));
    return new ResizeMethod(kernel, draw.below(2) == 1);
  }
}
