package dev.palimpsest.mixtures.playground;

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
    return bin(y / cells)
        + bin(x / cells)
        + bin((y + size) / cells)
        + bin((x + size) / cells)
        + " "
        + figure.noun();
  }

  /** A coordinate in [0, 1] as one of 1024 bins, ties to even, as PaliGemma's encoder has it. */
  private static String bin(double coordinate) {
    int bin = (int) Math.max(0, Math.min(1023, Math.rint(coordinate * 1023)));
    return String.format(java.util.Locale.ROOT, "<loc%04d>", bin);
  }
}
