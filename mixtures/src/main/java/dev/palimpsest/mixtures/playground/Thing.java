package dev.palimpsest.mixtures.playground;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import java.awt.Shape;

/**
 * A figure at its place. Places and sizes are whole cells of a grid over the canvas, so that boxes
 * take few values and a small model can learn to name them.
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

  /** {@code <locYMIN><locXMIN><locYMAX><locXMAX> circle}. */
  String detection() {
    double cells = (double) Canvas.SIDE / CELL;
    BoundingBox box = new BoundingBox(y / cells, x / cells, (y + size) / cells, (x + size) / cells);
    return LocationTokens.encode(box) + " " + figure.noun();
  }
}
