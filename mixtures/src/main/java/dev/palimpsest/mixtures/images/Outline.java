package dev.palimpsest.mixtures.images;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import java.nio.FloatBuffer;

/**
 * A red frame, one pixel wide, around a part of a picture, drawn after the resize. Widget
 * Captioning uses it to mark the widget in question (big_vision, pp/proj/paligemma/widgetcap.py,
 * which calls {@code tf.image.draw_bounding_boxes}).
 *
 * @param left of the part, on a canvas as wide in proportion as the picture
 * @param top likewise
 * @param right likewise
 * @param bottom likewise
 * @param canvasHeight height of the canvas: RICO's has 2560; 0: the numbers are shares of the
 *     picture's height and width
 */
public record Outline(double left, double top, double right, double bottom, double canvasHeight) {
  private static final float[] RED = {1, -1, -1};

  /** The frame of a box. */
  public static Outline of(BoundingBox box) {
    return new Outline(box.left(), box.top(), box.right(), box.bottom(), 0);
  }

  /**
   * Draws the frame. Edges outside the picture are not visible, and nothing is drawn if the first
   * edges lie after the second ones.
   *
   * @param pixels float32 [S, S, 3] in [-1, 1], from {@code start} on
   * @param side S, in pixels
   * @param height of the picture before the resize
   * @param width of it
   */
  void draw(FloatBuffer pixels, int start, int side, int height, int width) {
    long y1 = edge(share(top, height, height), side);
    long y2 = edge(share(bottom, height, height), side);
    long x1 = edge(share(left, height, width), side);
    long x2 = edge(share(right, height, width), side);
    boolean inverted = y1 > y2 || x1 > x2;
    if (inverted || y1 >= side || x1 >= side || y2 < 0 || x2 < 0) {
      return;
    }
    for (long y = Math.max(0, y1); y <= Math.min(side - 1, y2); y++) {
      for (long x = Math.max(0, x1); x <= Math.min(side - 1, x2); x++) {
        if (y == y1 || y == y2 || x == x1 || x == x2) {
          pixels.put((int) (start + 3 * (y * side + x)), RED);
        }
      }
    }
  }

  /** Where an edge is, as a share of the picture's extent. */
  private double share(double edge, int height, int extent) {
    return canvasHeight == 0 ? edge : edge * height / canvasHeight / extent;
  }

  /** TensorFlow's arithmetic: fractions and products in float32, rounded towards zero. */
  private static long edge(double share, int side) {
    return (long) ((float) share * (side - 1));
  }
}
