package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImagePreprocessor;

/**
 * A picture reduced to what near-duplicate detection needs: 64 x 64 pixels, without keeping the
 * aspect ratio. It provides perceptual hashes, which find candidates among millions, and a
 * distance, which distinguishes a copy from a picture that merely looks similar.
 *
 * <p>A hash contains the signs of the 64 lowest DCT coefficients of the luminance, without the mean
 * (the perceptual hash of Zauner 2010, "Implementation and benchmarking of perceptual image hash
 * functions", with 0 in place of the median). A change of brightness or contrast that does not clip
 * changes no sign. A crop changes many, so a picture has a hash for each of {@link #MARGINS}.
 */
final class PictureSketch {
  /** Fractions cropped from each side before hashing; crops in between are near one of them. */
  static final double[] MARGINS = {0, 0.025, 0.05};

  /**
   * Below this standard deviation of the luminance, in levels, signs are noise and a hash is
   * meaningless.
   */
  static final double LEAST_DETAIL = 2;

  private static final int SIDE = 64;
  private static final int GRID = 32;
  private static final int BLOCK = 4;
  private static final int HASH_BITS = 64;
  private static final ImageConfig RESIZE = new ImageConfig(Resize.BILINEAR, true);

  /** Margins that {@link #distance} tries at each of the four sides. */
  private static final double[] SHIFTS = {0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06};

  /** Below this correlation, no crop of a side makes two pictures equal. */
  private static final double RELATED = 0.5;

  /** Levels nearer than this to black or white may have been clipped. */
  private static final double CLIPPED = 4;

  /** cos(pi (2 x + 1) k / 64), [k][x]. */
  private static final double[][] COSINES = new double[GRID][GRID];

  /** Rows and columns of the hashed coefficients, in the order of a JPEG file: by antidiagonals. */
  private static final int[][] LOWEST = new int[HASH_BITS][];

  static {
    for (int k = 0; k < GRID; k++) {
      for (int x = 0; x < GRID; x++) {
        COSINES[k][x] = Math.cos(Math.PI * (2 * x + 1) * k / (2.0 * GRID));
      }
    }
    int bit = 0;
    for (int diagonal = 1; bit < HASH_BITS; diagonal++) {
      for (int row = 0; row <= diagonal && bit < HASH_BITS; row++) {
        LOWEST[bit++] = new int[] {row, diagonal - row};
      }
    }
  }

  /** float32 [3, 64, 64], levels. */
  private final float[] planes = new float[3 * SIDE * SIDE];

  /** float32 [64, 64], levels. */
  private final float[] luminance = new float[SIDE * SIDE];

  private PictureSketch(byte[] rgb) {
    for (int i = 0; i < SIDE * SIDE; i++) {
      for (int c = 0; c < 3; c++) {
        planes[c * SIDE * SIDE + i] = rgb[3 * i + c] & 0xff;
      }
      luminance[i] =
          0.299f * planes[i]
              + 0.587f * planes[SIDE * SIDE + i]
              + 0.114f * planes[2 * SIDE * SIDE + i];
    }
  }

  /** The sketch of a picture. */
  static PictureSketch of(Image picture) {
    return new PictureSketch(ImagePreprocessor.resize(RESIZE, picture, SIDE));
  }

  /** Whether the picture has so little detail that only its bytes distinguish it from another. */
  boolean flat() {
    return deviation(sample(luminance, 0, Window.ALL)) < LEAST_DETAIL;
  }

  /** One hash for each of {@link #MARGINS}. */
  long[] hashes() {
    long[] hashes = new long[MARGINS.length];
    for (int i = 0; i < hashes.length; i++) {
      double margin = MARGINS[i];
      hashes[i] = hash(sample(luminance, 0, new Window(margin, margin, margin, margin)));
    }
    return hashes;
  }

  private static long hash(float[] grid) {
    double[][] rows = new double[GRID][GRID];
    for (int y = 0; y < GRID; y++) {
      for (int k = 0; k <= LOWEST[HASH_BITS - 1][0] + LOWEST[HASH_BITS - 1][1]; k++) {
        double sum = 0;
        for (int x = 0; x < GRID; x++) {
          sum += COSINES[k][x] * grid[y * GRID + x];
        }
        rows[k][y] = sum;
      }
    }
    long hash = 0;
    for (int[] place : LOWEST) {
      double sum = 0;
      for (int y = 0; y < GRID; y++) {
        sum += COSINES[place[0]][y] * rows[place[1]][y];
      }
      hash = hash << 1 | (sum > 0 ? 1 : 0);
    }
    return hash;
  }

  /**
   * How much of the other picture this one does not explain. Both are aligned as well as crops of
   * up to 6 % per side allow, brightness and contrast are equalised, and of the remaining
   * difference the worst of 8 x 8 blocks counts: its root mean square divided by the standard
   * deviation of the picture. 0 for the same picture, about 1 or more if something is visible in
   * only one of them.
   *
   * <p>The worst block is used instead of the mean because pictures of the same subject or by the
   * same author differ strongly somewhere, while a re-encoded copy differs slightly everywhere.
   */
  double distance(PictureSketch other) {
    Aligned here = align(luminance, other.luminance);
    Aligned there = align(other.luminance, luminance);
    PictureSketch whole = here.correlation >= there.correlation ? this : other;
    PictureSketch cut = here.correlation >= there.correlation ? other : this;
    Window window = here.correlation >= there.correlation ? here.window : there.window;
    // A grey copy of a coloured picture is a copy, so only the luminance is compared.
    return grey() || other.grey()
        ? residual(
            new float[][] {sample(whole.luminance, 0, Window.ALL)},
            new float[][] {sample(cut.luminance, 0, window)})
        : residual(whole.colours(Window.ALL), cut.colours(window));
  }

  /** The crop of a plane that correlates best with another plane, one side after the other. */
  private static Aligned align(float[] whole, float[] cut) {
    float[] wanted = sample(whole, 0, Window.ALL);
    Aligned best = new Aligned(Window.ALL, correlation(wanted, sample(cut, 0, Window.ALL)));
    // First all sides together: from a wrong start, moving one side alone may not improve anything.
    for (double shift : SHIFTS) {
      best = better(best, wanted, cut, new Window(shift, shift, shift, shift));
    }
    if (best.correlation < RELATED) {
      return best;
    }
    for (int pass = 0; pass < 2; pass++) {
      for (int side = 0; side < 4; side++) {
        for (double shift : SHIFTS) {
          best = better(best, wanted, cut, best.window.with(side, shift));
        }
      }
    }
    return best;
  }

  private static Aligned better(Aligned best, float[] wanted, float[] cut, Window window) {
    double correlation = correlation(wanted, sample(cut, 0, window));
    return correlation > best.correlation ? new Aligned(window, correlation) : best;
  }

  private record Aligned(Window window, double correlation) {}

  private float[][] colours(Window window) {
    float[][] colours = new float[3][];
    for (int c = 0; c < 3; c++) {
      colours[c] = sample(planes, c * SIDE * SIDE, window);
    }
    return colours;
  }

  private boolean grey() {
    double most = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
      double red = planes[i];
      double green = planes[SIDE * SIDE + i];
      double blue = planes[2 * SIDE * SIDE + i];
      most = Math.max(most, Math.max(Math.abs(red - green), Math.abs(green - blue)));
    }
    return most < 8;
  }

  /**
   * One gain and one offset for all channels, by least squares over the pixels that neither picture
   * clips, in both directions; returns the smaller remainder.
   */
  private static double residual(float[][] one, float[][] other) {
    return Math.min(explained(one, other), explained(other, one));
  }

  private static double explained(float[][] from, float[][] to) {
    double n = 0;
    double sumX = 0;
    double sumY = 0;
    double sumXx = 0;
    double sumXy = 0;
    double all = 0;
    double sumAll = 0;
    double sumSquares = 0;
    for (int c = 0; c < from.length; c++) {
      for (int i = 0; i < from[c].length; i++) {
        double x = from[c][i];
        double y = to[c][i];
        all++;
        sumAll += y;
        sumSquares += y * y;
        if (y > CLIPPED && y < 255 - CLIPPED && x > CLIPPED && x < 255 - CLIPPED) {
          n++;
          sumX += x;
          sumY += y;
          sumXx += x * x;
          sumXy += x * y;
        }
      }
    }
    double deviation = Math.sqrt(Math.max(0, sumSquares / all - sumAll / all * (sumAll / all)));
    n = Math.max(n, 1);
    double varianceX = sumXx / n - sumX / n * (sumX / n);
    double gain = varianceX > 0 ? (sumXy / n - sumX / n * (sumY / n)) / varianceX : 0;
    double offset = sumY / n - gain * sumX / n;
    double worst = 0;
    for (int top = 0; top < GRID; top += BLOCK) {
      for (int left = 0; left < GRID; left += BLOCK) {
        double sum = 0;
        for (int c = 0; c < from.length; c++) {
          for (int y = top; y < top + BLOCK; y++) {
            for (int x = left; x < left + BLOCK; x++) {
              double fitted = gain * from[c][y * GRID + x] + offset;
              double rest = Math.max(0, Math.min(255, fitted)) - to[c][y * GRID + x];
              sum += rest * rest;
            }
          }
        }
        worst = Math.max(worst, Math.sqrt(sum / (from.length * BLOCK * BLOCK)));
      }
    }
    return worst / Math.max(deviation, LEAST_DETAIL);
  }

  private static double correlation(float[] one, float[] other) {
    double sumX = 0;
    double sumY = 0;
    double sumXx = 0;
    double sumXy = 0;
    double sumYy = 0;
    for (int i = 0; i < one.length; i++) {
      sumX += one[i];
      sumY += other[i];
      sumXx += (double) one[i] * one[i];
      sumXy += (double) one[i] * other[i];
      sumYy += (double) other[i] * other[i];
    }
    double n = one.length;
    double scale = (sumXx - sumX * sumX / n) * (sumYy - sumY * sumY / n);
    return scale > 0 ? (sumXy - sumX * sumY / n) / Math.sqrt(scale) : 0;
  }

  private static double deviation(float[] values) {
    double sum = 0;
    double squares = 0;
    for (float value : values) {
      sum += value;
      squares += (double) value * value;
    }
    double mean = sum / values.length;
    return Math.sqrt(Math.max(0, squares / values.length - mean * mean));
  }

  /**
   * A window of a 64 x 64 plane, sampled bilinearly on a 32 x 32 grid; for the whole plane these
   * are means of 2 x 2.
   */
  private static float[] sample(float[] plane, int from, Window window) {
    float[] grid = new float[GRID * GRID];
    int[] lefts = new int[GRID];
    float[] rights = new float[GRID];
    for (int x = 0; x < GRID; x++) {
      double source = source(x, window.left, window.right);
      lefts[x] = (int) source;
      rights[x] = (float) (source - lefts[x]);
    }
    for (int y = 0; y < GRID; y++) {
      double source = source(y, window.top, window.bottom);
      int upper = from + ((int) source) * SIDE;
      int lower = from + Math.min(SIDE - 1, (int) source + 1) * SIDE;
      float down = (float) (source - Math.floor(source));
      for (int x = 0; x < GRID; x++) {
        int left = lefts[x];
        int right = Math.min(SIDE - 1, left + 1);
        float above =
            plane[upper + left] + (plane[upper + right] - plane[upper + left]) * rights[x];
        float below =
            plane[lower + left] + (plane[lower + right] - plane[lower + left]) * rights[x];
        grid[y * GRID + x] = above + (below - above) * down;
      }
    }
    return grid;
  }

  private static double source(int at, double before, double after) {
    double step = SIDE * (1 - before - after) / GRID;
    return Math.max(0, Math.min(SIDE - 1, SIDE * before + (at + 0.5) * step - 0.5));
  }

  /** What is cropped from each side, as fractions of the picture. */
  private record Window(double left, double top, double right, double bottom) {
    static final Window ALL = new Window(0, 0, 0, 0);

    Window with(int side, double share) {
      return new Window(
          side == 0 ? share : left,
          side == 1 ? share : top,
          side == 2 ? share : right,
          side == 3 ? share : bottom);
    }
  }
}
