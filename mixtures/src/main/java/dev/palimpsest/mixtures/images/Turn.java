package dev.palimpsest.mixtures.images;

/**
 * How a stored picture is turned to be upright: the values of the EXIF orientation (TIFF 6.0, tag
 * 0x0112). Pixels are moved, and their levels do not change.
 */
public enum Turn {
  /** As it is stored. */
  NONE(1, false, false, false),
  /** Left and right are exchanged. */
  MIRRORED(2, false, true, false),
  /** Rotated by 180 degrees. */
  HALF(3, false, true, true),
  /** Top and bottom are exchanged. */
  UPSIDE_DOWN(4, false, false, true),
  /** Rows become columns. */
  TRANSPOSED(5, true, false, false),
  /** Rotated by 90 degrees clockwise. */
  CLOCKWISE(6, true, false, true),
  /** Rows become columns, both in reverse order. */
  TRANSVERSE(7, true, true, true),
  /** Rotated by 90 degrees counterclockwise. */
  COUNTERCLOCKWISE(8, true, true, false);

  /** Side of the squares that are copied at a time, so that both pictures' rows stay in cache. */
  private static final int TILE = 64;

  private final int value;
  private final boolean transposed;
  private final boolean fromRight;
  private final boolean fromBottom;

  /**
   * Defines a turn.
   *
   * @param value of the EXIF orientation
   * @param transposed whether stored columns become rows
   * @param fromRight whether stored rows are read from their ends
   * @param fromBottom whether stored columns are read from theirs
   */
  Turn(int value, boolean transposed, boolean fromRight, boolean fromBottom) {
    this.value = value;
    this.transposed = transposed;
    this.fromRight = fromRight;
    this.fromBottom = fromBottom;
  }

  /** The EXIF orientation's value, 1 to 8. */
  public int value() {
    return value;
  }

  /** The turn for a value of the EXIF orientation; {@link #NONE} for an invalid one. */
  static Turn ofValue(int value) {
    for (Turn turn : values()) {
      if (turn.value == value) {
        return turn;
      }
    }
    return NONE;
  }

  /** The turned picture, or the picture itself if there is nothing to turn. */
  Image of(Image stored) {
    if (this == NONE) {
      return stored;
    }
    int along = fromRight ? -3 : 3; // bytes from a stored pixel to the next of its row
    int down = (fromBottom ? -3 : 3) * stored.width();
    int first =
        3
            * ((fromBottom ? (stored.height() - 1) * stored.width() : 0)
                + (fromRight ? stored.width() - 1 : 0));
    int width = transposed ? stored.height() : stored.width();
    int height = transposed ? stored.width() : stored.height();
    int stepX = transposed ? down : along;
    int stepY = transposed ? along : down;
    byte[] from = stored.rgb();
    byte[] rgb = new byte[from.length];
    for (int top = 0; top < height; top += TILE) {
      int bottom = Math.min(height, top + TILE);
      for (int left = 0; left < width; left += TILE) {
        int right = Math.min(width, left + TILE);
        for (int y = top; y < bottom; y++) {
          int at = 3 * (y * width + left);
          int source = first + y * stepY + left * stepX;
          for (int x = left; x < right; x++, at += 3, source += stepX) {
            rgb[at] = from[source];
            rgb[at + 1] = from[source + 1];
            rgb[at + 2] = from[source + 2];
          }
        }
      }
    }
    return new Image(width, height, rgb);
  }
}
