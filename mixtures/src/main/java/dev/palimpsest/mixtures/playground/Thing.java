package dev.palimpsest.mixtures.playground;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import java.awt.Shape;
import java.util.BitSet;

/**
 * A figure at a position. Positions and sizes are whole cells of a grid over the canvas, so that
 * boxes have few values, which a small model can learn.
 *
 * @param x left side, in cells
 * @param y top side, in cells
 * @param size side of the box, in cells
 */
record Thing(Figure figure, Hue hue, int x, int y, int size) {
  /** Side of a cell, in pixels. */
  static final int CELL = 4;

  Shape outline() {
    return figure.outline(x * CELL, y * CELL, size * CELL);
  }

  /** {@code red circle}. */
  String name() {
    return hue.word() + " " + figure.noun();
  }

  /** {@code ein roter kreis}, {@code ein rotes quadrat}. */
  String german() {
    return "ein " + hue.german() + (figure.masculine() ? "er " : "es ") + figure.german();
  }

  /** {@code einem roten kreis}. */
  String germanDative() {
    return "einem " + hue.german() + "en " + figure.german();
  }

  /** Its box in fractions of the canvas: top, left, bottom, right. */
  double[] box() {
    double cells = (double) Canvas.SIDE / CELL;
    return new double[] {y / cells, x / cells, (y + size) / cells, (x + size) / cells};
  }

  /** Pixels whose centres lie inside the outline. */
  Mask mask() {
    Shape outline = outline();
    BitSet pixels = new BitSet(Canvas.SIDE * Canvas.SIDE);
    for (int column = 0; column < Canvas.SIDE; column++) {
      for (int row = 0; row < Canvas.SIDE; row++) {
        if (outline.contains(column + 0.5, row + 0.5)) {
          pixels.set(column * Canvas.SIDE + row);
        }
      }
    }
    return new Mask(Canvas.SIDE, Canvas.SIDE, pixels);
  }

  /** {@code <locYMIN><locXMIN><locYMAX><locXMAX> circle}. */
  String detection() {
    double[] sides = box();
    BoundingBox box = new BoundingBox(sides[0], sides[1], sides[2], sides[3]);
    return LocationTokens.encode(box) + " " + figure.noun();
  }
}
