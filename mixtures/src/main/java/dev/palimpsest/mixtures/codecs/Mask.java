package dev.palimpsest.mixtures.codecs;

import java.util.Arrays;
import java.util.BitSet;

/**
 * A binary mask of an image, with COCO's run-length code and polygon rasterisation.
 *
 * @param height of the image, in pixels
 * @param width of the image, in pixels
 * @param pixels column by column from the left, each from the top: pixel (x, y) is bit {@code x *
 *     height + y}
 */
public record Mask(int height, int width, BitSet pixels) {
  private static final int UPSAMPLING = 5;

  /** The most pixels of a mask, equal to those of the largest picture that is decoded. */
  private static final long MOST_PIXELS = 1 << 26;

  /** The most steps in a polygon's outline on the finer grid, at 12 bytes per step. */
  private static final long LONGEST_OUTLINE = 1 << 23;

  /** Keeps a copy of the pixels. */
  public Mask {
    pixels = (BitSet) pixels.clone();
  }

  /**
   * The union of polygons, each rasterised as COCO does it: the outline is traced on a grid five
   * times as fine, and its crossings of column centres are rounded to pixels. This differs from
   * filling a path.
   *
   * @param polygons x and y in turn, in pixels; points may lie outside the image
   * @throws IllegalArgumentException when one is not a polygon
   */
  public static Mask ofPolygons(Iterable<double[]> polygons, int height, int width) {
    requireSize(height, width);
    BitSet pixels = new BitSet(height * width);
    for (double[] polygon : polygons) {
      int[] crossings = crossings(polygon, height, width);
      for (int i = 0; i + 1 < crossings.length; i += 2) {
        pixels.set(crossings[i], crossings[i + 1]);
      }
      if (crossings.length % 2 == 1) {
        pixels.set(crossings[crossings.length - 1], height * width);
      }
    }
    return new Mask(height, width, pixels);
  }

  /** Column-major positions at which the inside of a polygon begins and ends, ascending. */
  private static int[] crossings(double[] polygon, int height, int width) {
    if (polygon.length % 2 != 0) {
      throw new IllegalArgumentException(
          "a polygon must be pairs of x and y, found %d numbers".formatted(polygon.length));
    }
    if (polygon.length < 6) {
      return new int[0]; // two points enclose nothing
    }
    for (double number : polygon) {
      if (!Double.isFinite(number)) {
        throw new IllegalArgumentException("a polygon has the coordinate " + number);
      }
    }
    int points = polygon.length / 2;
    int[] x = new int[points + 1];
    int[] y = new int[points + 1];
    for (int i = 0; i < points; i++) {
      x[i] = (int) (UPSAMPLING * polygon[2 * i] + 0.5);
      y[i] = (int) (UPSAMPLING * polygon[2 * i + 1] + 0.5);
    }
    x[points] = x[0];
    y[points] = y[0];
    long steps = 0;
    for (int i = 0; i < points; i++) {
      steps += Math.max(Math.abs((long) x[i] - x[i + 1]), Math.abs((long) y[i] - y[i + 1])) + 1;
    }
    if (steps > LONGEST_OUTLINE) {
      throw new IllegalArgumentException(
          "a polygon has an outline of %d pixels, which is too long".formatted(steps / UPSAMPLING));
    }
    int length = (int) steps;
    int[] u = new int[length];
    int[] v = new int[length];
    int m = 0;
    for (int i = 0; i < points; i++) {
      m = walk(x[i], y[i], x[i + 1], y[i + 1], u, v, m);
    }
    int[] crossings = new int[length];
    int count = 0;
    for (int j = 1; j < length; j++) {
      if (u[j] != u[j - 1]) {
        double column = ((u[j] < u[j - 1] ? u[j] : u[j] - 1) + 0.5) / UPSAMPLING - 0.5;
        if (column != Math.floor(column) || column < 0 || column > width - 1) {
          continue;
        }
        double row = (Math.min(v[j], v[j - 1]) + 0.5) / UPSAMPLING - 0.5;
        row = Math.ceil(Math.max(0, Math.min(height, row)));
        crossings[count++] = ((int) column) * height + (int) row;
      }
    }
    int[] sorted = Arrays.copyOf(crossings, count);
    Arrays.sort(sorted);
    return sorted;
  }

  /** The points of a line, one per step of its longer side. */
  private static int walk(int x1, int y1, int x2, int y2, int[] u, int[] v, int m) {
    int dx = Math.abs(x2 - x1);
    int dy = Math.abs(y2 - y1);
    boolean flat = dx >= dy;
    boolean backwards = flat ? x1 > x2 : y1 > y2;
    int fromX = backwards ? x2 : x1;
    int fromY = backwards ? y2 : y1;
    int toX = backwards ? x1 : x2;
    int toY = backwards ? y1 : y2;
    int steps = flat ? dx : dy;
    double slope =
        steps == 0 ? 0 : flat ? (double) (toY - fromY) / dx : (double) (toX - fromX) / dy;
    for (int d = 0; d <= steps; d++) {
      int t = backwards ? steps - d : d;
      u[m] = flat ? t + fromX : (int) (fromX + slope * t + 0.5);
      v[m] = flat ? (int) (fromY + slope * t + 0.5) : t + fromY;
      m++;
    }
    return m;
  }

  /**
   * From COCO's compressed run lengths: background and foreground alternate, each number is written
   * in groups of five bits, and from the fourth on as the difference to the number two before.
   *
   * @throws IllegalArgumentException when the code ends early or does not fill the image
   */
  public static Mask ofRle(String counts, int height, int width) {
    requireSize(height, width);
    BitSet pixels = new BitSet(height * width);
    long last = 0;
    long lastButOne = 0;
    int count = 0;
    long start = 0;
    int at = 0;
    while (at < counts.length()) {
      long run = 0;
      int shift = 0;
      int group;
      do {
        if (at == counts.length()) {
          throw new IllegalArgumentException("run-length code ends inside a number");
        }
        group = counts.charAt(at++) - 48;
        if (group < 0 || group > 0x3f || shift > 60) {
          throw new IllegalArgumentException(
              "run-length code has '%s' at %d".formatted(counts.charAt(at - 1), at - 1));
        }
        run |= (long) (group & 0x1f) << shift;
        shift += 5;
      } while ((group & 0x20) != 0);
      if ((group & 0x10) != 0) {
        run |= -1L << shift;
      }
      run += count > 2 ? lastButOne : 0;
      long end = start + run;
      if (run < 0 || end > (long) height * width) {
        throw new IllegalArgumentException(
            "run-length code does not fit an image of " + height + " x " + width);
      }
      if (count % 2 == 1) {
        pixels.set((int) start, (int) end);
      }
      count++;
      lastButOne = last;
      last = run;
      start = end;
    }
    requireFilled(start, height, width);
    return new Mask(height, width, pixels);
  }

  /**
   * From COCO's plain run lengths: background and foreground alternate.
   *
   * @throws IllegalArgumentException when they do not fill the image
   */
  public static Mask ofRuns(int[] runs, int height, int width) {
    requireSize(height, width);
    BitSet pixels = new BitSet(height * width);
    long start = 0;
    for (int i = 0; i < runs.length; i++) {
      long end = start + runs[i];
      if (runs[i] < 0 || end > (long) height * width) {
        throw new IllegalArgumentException(
            "run lengths do not fit an image of " + height + " x " + width);
      }
      if (i % 2 == 1) {
        pixels.set((int) start, (int) end);
      }
      start = end;
    }
    requireFilled(start, height, width);
    return new Mask(height, width, pixels);
  }

  /** The part inside a box of pixels, bottom and right excluded, as a mask of its own. */
  public Mask part(int top, int left, int bottom, int right) {
    BitSet inside = new BitSet((bottom - top) * (right - left));
    for (int x = left; x < right; x++) {
      for (int y = top; y < bottom; y++) {
        if (pixels.get(x * height + y)) {
          inside.set((x - left) * (bottom - top) + y - top);
        }
      }
    }
    return new Mask(bottom - top, right - left, inside);
  }

  private static void requireSize(int height, int width) {
    if (height < 1 || width < 1 || (long) height * width > MOST_PIXELS) {
      throw new IllegalArgumentException(
          "an image of %d x %d pixels; at most %d are possible"
              .formatted(height, width, MOST_PIXELS));
    }
  }

  private static void requireFilled(long filled, int height, int width) {
    if (filled != (long) height * width) {
      throw new IllegalArgumentException(
          "run lengths sum to %d, an image of %d x %d has %d pixels"
              .formatted(filled, height, width, (long) height * width));
    }
  }

  /** COCO's plain run lengths: background and foreground alternate. */
  public int[] runs() {
    int[] runs = new int[pixels.cardinality() * 2 + 2];
    int count = 0;
    int at = 0;
    boolean inside = false;
    while (at < height * width) {
      int end = inside ? pixels.nextClearBit(at) : pixels.nextSetBit(at);
      end = end < 0 ? height * width : Math.min(end, height * width);
      runs[count++] = end - at;
      at = end;
      inside = !inside;
    }
    return Arrays.copyOf(runs, count);
  }

  /** COCO's compressed run lengths. */
  public String rle() {
    int[] runs = runs();
    StringBuilder code = new StringBuilder();
    for (int i = 0; i < runs.length; i++) {
      long value = (long) runs[i] - (i > 2 ? runs[i - 2] : 0);
      boolean more = true;
      while (more) {
        int group = (int) (value & 0x1f);
        value >>= 5;
        more = (group & 0x10) != 0 ? value != -1 : value != 0;
        code.append((char) ((more ? group | 0x20 : group) + 48));
      }
    }
    return code.toString();
  }

  /** Number of pixels inside. */
  public int area() {
    return pixels.cardinality();
  }

  /** Number of pixels in both masks. */
  public int intersection(Mask other) {
    requireSameSize(other);
    BitSet both = (BitSet) pixels.clone();
    both.and(other.pixels);
    return both.cardinality();
  }

  /** Number of pixels in either mask. */
  public int union(Mask other) {
    return area() + other.area() - intersection(other);
  }

  /** Intersection over union; 0 if both masks are empty. */
  public double iou(Mask other) {
    int union = union(other);
    return union == 0 ? 0 : (double) intersection(other) / union;
  }

  /** The tight bounding box of the mask: x, y, width, height; zeros if it is empty. */
  public int[] boundingBox() {
    int left = width;
    int right = -1;
    int top = height;
    int bottom = -1;
    for (int bit = pixels.nextSetBit(0); bit >= 0; bit = pixels.nextSetBit(bit + 1)) {
      left = Math.min(left, bit / height);
      right = Math.max(right, bit / height);
      top = Math.min(top, bit % height);
      bottom = Math.max(bottom, bit % height);
    }
    return right < 0 ? new int[4] : new int[] {left, top, right - left + 1, bottom - top + 1};
  }

  private void requireSameSize(Mask other) {
    if (height != other.height || width != other.width) {
      throw new IllegalArgumentException(
          "masks of different images: %d x %d and %d x %d"
              .formatted(height, width, other.height, other.width));
    }
  }
}
