package dev.palimpsest.mixtures.playground;

import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A word printed in black near the middle, sometimes with a meaningless figure in a corner.
 *
 * @param right horizontal offset of the print, in {@value #STEPS}ths of its height
 * @param down vertical offset, likewise
 */
record Print(String word, Size size, int right, int down, @Nullable Thing bystander) {
  private static final int STEPS = 24;

  /** Short words that differ in one letter, so that their silhouettes do not give them away. */
  static final List<String> WORDS =
      List.of(
          "BAD", "BAG", "BAT", "BED", "BET", "BIG", "BIT", "BOG", "BUD", "BUG", "DIG", "DOG", "DOT",
          "HAT", "HIT", "HOT", "HUG", "HUT", "PAT", "PET", "PIG", "PIT", "POT", "PUT");

  /**
   * The size of the print. Each size is half of the previous one, so that a capital is 6 pixels
   * high in large print at 32 pixels, in medium print at 64 and in small print at 128: each size
   * needs its resolution, and a stage can use what the previous one learnt about letters.
   */
  enum Size {
    LARGE(24),
    MEDIUM(12),
    SMALL(6);

    private final double capHeight;

    Size(double capHeight) {
      this.capHeight = capHeight;
    }

    static final List<Size> ALL = List.of(values());

    /** Height of a capital, in pixels. */
    double capHeight() {
      return capHeight;
    }

    /** {@code large}. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Draws everything at random except the size. */
  static Print random(Random random, Size size) {
    return new Print(
        RandomDraws.pick(random, WORDS),
        size,
        RandomDraws.between(random, -2, 2),
        RandomDraws.between(random, -2, 2),
        random.nextInt(10) < 3 ? bystander(random) : null);
  }

  /** Places the figure in a corner, clear of the print. */
  private static Thing bystander(Random random) {
    int side = 6;
    int far = Canvas.SIDE / Thing.CELL - side - 1;
    return new Thing(
        RandomDraws.pick(random, Figure.ALL),
        RandomDraws.pick(random, Hue.ALL),
        random.nextBoolean() ? 1 : far,
        random.nextBoolean() ? 1 : far,
        side);
  }

  /** The box around the printed word, in fractions of the canvas: top, left, bottom, right. */
  double[] box() {
    Rectangle2D bounds = inkShape().getBounds2D();
    double side = Canvas.SIDE;
    return new double[] {
      bounds.getMinY() / side,
      bounds.getMinX() / side,
      bounds.getMaxY() / side,
      bounds.getMaxX() / side
    };
  }

  Shape inkShape() {
    double middle = Canvas.SIDE / 2.0;
    double step = size.capHeight() / STEPS;
    return AffineTransform.getTranslateInstance(middle + step * right, middle + step * down)
        .createTransformedShape(Lettering.ink(word, size.capHeight()));
  }
}
