package dev.palimpsest.mixtures.playground;

import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A printed word near the middle, sometimes with a figure in a corner that means nothing.
 *
 * @param right offset of the print, in quarters of a {@link Size#unit}
 * @param down the same downwards
 */
record Print(String word, Size size, Hue ink, int right, int down, @Nullable Thing bystander) {
  /** Three letters each: length gives nothing away. */
  static final List<String> WORDS =
      List.of(
          "BOX", "BUS", "CAR", "CAT", "CUP", "DOG", "FOX", "HAT", "HEN", "JAM", "KEY", "LOG", "MAP",
          "NET", "NUT", "OWL", "PEN", "PIG", "RUN", "SUN", "TEA", "VAN", "WEB", "ZIP");

  private static final List<Hue> INKS = List.of(Hue.BLACK, Hue.BLUE, Hue.RED);

  /**
   * How large the print is. Each size is half of the one before, so that large print at 32 pixels,
   * medium at 64 and small at 128 look the same to a model: what one stage learns, the next reuses.
   */
  enum Size {
    LARGE(26),
    MEDIUM(13),
    SMALL(6.5);

    private final double capHeight;

    Size(double capHeight) {
      this.capHeight = capHeight;
    }

    static final List<Size> ALL = List.of(values());

    /** Height of a capital, in pixels. */
    double capHeight() {
      return capHeight;
    }

    /** A pixel of the lowest resolution at which this size can be read, in canvas pixels. */
    double unit() {
      return capHeight / SMALL.capHeight;
    }

    /** {@code large}. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Draws the lots, all but the size. */
  static Print random(Random random, Size size) {
    return new Print(
        Lots.pick(random, WORDS),
        size,
        Lots.pick(random, INKS),
        Lots.between(random, -4, 4),
        Lots.between(random, -4, 4),
        random.nextInt(10) < 3 ? bystander(random) : null);
  }

  /** In a corner, clear of the print. */
  private static Thing bystander(Random random) {
    int side = 6;
    int far = Canvas.SIDE / Thing.CELL - side - 1;
    return new Thing(
        Lots.pick(random, Figure.ALL),
        Lots.pick(random, Hue.ALL),
        random.nextBoolean() ? 1 : far,
        random.nextBoolean() ? 1 : far,
        side);
  }

  Shape inkShape() {
    double middle = Canvas.SIDE / 2.0;
    double step = size.unit() / 4;
    return AffineTransform.getTranslateInstance(middle + step * right, middle + step * down)
        .createTransformedShape(Lettering.ink(word, size.capHeight(), 1.15));
  }
}
