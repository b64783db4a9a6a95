package dev.palimpsest.stages.handover;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import java.util.List;
import java.util.Locale;

/**
 * Whether the image tower still computes the same after its positions were resampled to a new grid.
 *
 * <p>Each picture is averaged down to the old resolution, which is what the old tower saw, and then
 * enlarged bilinearly to the new one (with pixel centres aligned), which adds no information. The
 * old parameters see the former, the new ones the latter; features are the projected image tokens
 * that the decoder receives. The new features are averaged over the cells of the old grid. Then,
 * with a for the old and b for the new features:
 *
 * <pre>
 * patchCosine           mean over pictures and patches of cos(a, b)
 * patchRelativeError    |b - a| / |a|, L2 over all pictures, patches and channels
 * pictureCosine, pictureRelativeError    the same between means over each picture's patches
 * </pre>
 *
 * A patch of the new grid covers less of the picture than one of the old grid, so exact values of 1
 * and 0 cannot be expected for pictures with detail; they result for pictures of one colour with
 * equal positions. A wrong resampling differs clearly from a correct one.
 *
 * @param pictures the number of pictures compared
 * @param fromResolution side of the old input, in pixels
 * @param toResolution side of the new one
 */
record FunctionPreservation(
    int pictures,
    int fromResolution,
    int toResolution,
    double patchCosine,
    double patchRelativeError,
    double pictureCosine,
    double pictureRelativeError) {
  /** The number of pictures that a stage compares. */
  static final int PICTURES = 4;

  private static final int COLOURS = 3;

  /**
   * Compares the features.
   *
   * @param manager everything created here lives in children of it and is gone on return
   * @param before parameters with positions for {@code fromResolution}
   * @param after the same with positions for {@code toResolution}
   * @param pictures at the new resolution, [S, S, 3] each
   */
  static FunctionPreservation measure(
      NDManager manager,
      VisionLanguageModel model,
      Parameters before,
      Parameters after,
      int fromResolution,
      int toResolution,
      List<float[]> pictures) {
    Sums patches = new Sums();
    Sums wholes = new Sums();
    for (float[] picture : pictures) {
      float[] small = averaged(picture, toResolution, COLOURS, fromResolution);
      float[] large = enlarged(small, fromResolution, COLOURS, toResolution);
      Features a = features(manager, model, before, small, fromResolution);
      Features b = features(manager, model, after, large, toResolution);
      float[] pooled = averaged(b.values, b.side, a.width, a.side);
      for (int patch = 0; patch < a.side * a.side; patch++) {
        patches.add(a.values, pooled, patch * a.width, a.width);
      }
      wholes.add(
          averaged(a.values, a.side, a.width, 1), averaged(pooled, a.side, a.width, 1), 0, a.width);
    }
    return new FunctionPreservation(
        pictures.size(),
        fromResolution,
        toResolution,
        patches.meanCosine(),
        patches.relativeError(),
        wholes.meanCosine(),
        wholes.relativeError());
  }

  /** Image tokens of one picture: [side, side, width]. */
  private record Features(float[] values, int side, int width) {}

  private static Features features(
      NDManager parent,
      VisionLanguageModel model,
      Parameters parameters,
      float[] picture,
      int resolution) {
    try (NDManager manager = parent.newSubManager()) {
      NDArray image = manager.create(picture, new Shape(1, 1, resolution, resolution, COLOURS));
      NDArray tokens = model.encodeImages(manager, Weights.of(parameters), image);
      long[] shape = tokens.getShape().getShape();
      return new Features(
          tokens.toFloatArray(), (int) Math.rint(Math.sqrt((double) shape[1])), (int) shape[2]);
    }
  }

  /** Accumulates cosines and errors of pairs of vectors. */
  private static final class Sums {
    private double cosines;
    private int pairs;
    private double squaredError;
    private double squaredNorm;

    void add(float[] a, float[] b, int offset, int length) {
      double ab = 0;
      double aa = 0;
      double bb = 0;
      for (int i = offset; i < offset + length; i++) {
        ab += (double) a[i] * b[i];
        aa += (double) a[i] * a[i];
        bb += (double) b[i] * b[i];
        squaredError += ((double) b[i] - a[i]) * ((double) b[i] - a[i]);
      }
      squaredNorm += aa;
      // Zero vectors, as computed by an untrained connector, count as having the same direction.
      cosines += aa == 0 && bb == 0 ? 1 : aa == 0 || bb == 0 ? 0 : ab / Math.sqrt(aa * bb);
      pairs++;
    }

    double meanCosine() {
      return cosines / pairs;
    }

    double relativeError() {
      return squaredError == 0 ? 0 : Math.sqrt(squaredError / squaredNorm);
    }
  }

  /** Each cell of the smaller square grid is the mean of the area that it covers. */
  static float[] averaged(float[] values, int side, int channels, int newSide) {
    double[] result = new double[newSide * newSide * channels];
    double scale = (double) side / newSide;
    for (int y = 0; y < newSide; y++) {
      for (int x = 0; x < newSide; x++) {
        int cell = (y * newSide + x) * channels;
        for (int v = (int) (y * scale); v < Math.min(side, Math.ceil((y + 1) * scale)); v++) {
          double high = overlap(v, y * scale, (y + 1) * scale);
          for (int u = (int) (x * scale); u < Math.min(side, Math.ceil((x + 1) * scale)); u++) {
            double share = high * overlap(u, x * scale, (x + 1) * scale) / (scale * scale);
            for (int c = 0; c < channels; c++) {
              result[cell + c] += share * values[(v * side + u) * channels + c];
            }
          }
        }
      }
    }
    return floats(result);
  }

  private static double overlap(int cell, double from, double to) {
    return Math.max(0, Math.min(cell + 1.0, to) - Math.max(cell, from));
  }

  /** Bilinear; centres aligned, edges repeated. */
  static float[] enlarged(float[] values, int side, int channels, int newSide) {
    double[] result = new double[newSide * newSide * channels];
    double scale = (double) side / newSide;
    for (int y = 0; y < newSide; y++) {
      double v = Math.min(side - 1.0, Math.max(0, (y + 0.5) * scale - 0.5));
      int top = (int) v;
      int bottom = Math.min(side - 1, top + 1);
      for (int x = 0; x < newSide; x++) {
        double u = Math.min(side - 1.0, Math.max(0, (x + 0.5) * scale - 0.5));
        int left = (int) u;
        int right = Math.min(side - 1, left + 1);
        for (int c = 0; c < channels; c++) {
          double upper =
              values[(top * side + left) * channels + c] * (1 - (u - left))
                  + values[(top * side + right) * channels + c] * (u - left);
          double lower =
              values[(bottom * side + left) * channels + c] * (1 - (u - left))
                  + values[(bottom * side + right) * channels + c] * (u - left);
          result[(y * newSide + x) * channels + c] = upper * (1 - (v - top)) + lower * (v - top);
        }
      }
    }
    return floats(result);
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  /** A sentence for the stage's notes. */
  String sentence() {
    return String.format(
        Locale.ROOT,
        "image features of %d pictures, %dpx against %dpx before: patches cosine %.4f and relative error %.4f, whole pictures %.4f and %.4f",
        pictures,
        toResolution,
        fromResolution,
        patchCosine,
        patchRelativeError,
        pictureCosine,
        pictureRelativeError);
  }
}
