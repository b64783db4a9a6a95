package dev.palimpsest.mixtures.playground;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.util.Random;

/**
 * A square picture under construction. Java's antialiasing rasteriser and all noise here use
 * integers or strictly specified floating point, so that the same calls give the same pixels on
 * every machine.
 */
final class Canvas {
  /** Side of the picture, in pixels. */
  static final int SIDE = 128;

  /** Side of a square of the coarse texture, in pixels. */
  private static final int PATCH = 8;

  /** Noise of single pixels, in levels up or down. */
  private static final int GRAIN = 6;

  private final BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);

  /** Draws a light background, plain or with soft patches. */
  Canvas(Random random) {
    int[] tint = new int[3];
    for (int c = 0; c < 3; c++) {
      tint[c] = RandomDraws.between(random, 206, 240);
    }
    int depth = random.nextBoolean() ? 0 : 10;
    int side = SIDE / PATCH + 1;
    int[] knots = new int[side * side];
    for (int i = 0; i < knots.length; i++) {
      knots[i] = RandomDraws.between(random, -depth, depth);
    }
    int[] pixels = pixels();
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        int knot = (y / PATCH) * side + x / PATCH;
        int fx = x % PATCH;
        int fy = y % PATCH;
        int top = knots[knot] * (PATCH - fx) + knots[knot + 1] * fx;
        int bottom = knots[knot + side] * (PATCH - fx) + knots[knot + side + 1] * fx;
        int lift = (top * (PATCH - fy) + bottom * fy) / (PATCH * PATCH);
        pixels[y * SIDE + x] = rgb(tint[0] + lift, tint[1] + lift, tint[2] + lift);
      }
    }
  }

  /** Fills a shape with smooth edges. */
  void fill(Color color, Shape shape) {
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      graphics.setColor(color);
      graphics.fill(shape);
    } finally {
      graphics.dispose();
    }
  }

  /** Adds grain to everything drawn so far and returns the picture. */
  BufferedImage finish(Random random) {
    int[] pixels = pixels();
    for (int i = 0; i < pixels.length; i++) {
      int grain = RandomDraws.between(random, -GRAIN, GRAIN);
      int p = pixels[i];
      pixels[i] = rgb((p >> 16 & 255) + grain, (p >> 8 & 255) + grain, (p & 255) + grain);
    }
    return image;
  }

  private int[] pixels() {
    return ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
  }

  private static int rgb(int red, int green, int blue) {
    return level(red) << 16 | level(green) << 8 | level(blue);
  }

  private static int level(int value) {
    return Math.max(0, Math.min(255, value));
  }
}
