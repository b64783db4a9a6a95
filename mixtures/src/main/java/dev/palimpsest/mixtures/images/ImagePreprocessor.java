package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.mixtures.images.ResizeMethod.Kernel;
import dev.palimpsest.mixtures.images.TensorFlowResize.RowSink;
import java.io.IOException;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Turns pictures into square ones with values in [-1, 1]; the aspect ratio is not kept (PaliGemma,
 * section 3.2).
 */
public final class ImagePreprocessor {
  private static final ResizeMethod ANTIALIASED = new ResizeMethod(Kernel.BILINEAR, true);
  private static final float[] BIG_VISION = new float[256];
  private static final float[] HUGGING_FACE = new float[256];

  static {
    for (int level = 0; level < 256; level++) {
      BIG_VISION[level] = -1f + 2f * (level / 255f); // pp/ops_general.py, value_range(-1, 1)
      HUGGING_FACE[level] = (level / 255f - 0.5f) / 0.5f; // SiglipImageProcessor, mean = std = 0.5
    }
  }

  private static final float NO_FRACTION = 0x1.8p23f;

  /**
   * The number of values that are converted at a time, so that they stay in the processor's
   * first-level cache.
   */
  private static final int CHUNK = 4096;

  private ImagePreprocessor() {}

  /**
   * Resizes to whole levels.
   *
   * @param resolution S, in pixels
   * @return uint8 [S, S, 3]
   */
  public static byte[] resize(ImageConfig config, Image image, int resolution) {
    return resize(config, shrunk(config, image, null), resolution, (ResizeMethod) null);
  }

  /** The picture at the size to which the recipe shrinks it first, if it does. */
  private static Image shrunk(ImageConfig config, Image image, @Nullable ResizeMethod method) {
    Integer side = config.shrinkFirst();
    return side == null ? image : new Image(side, side, resize(config, image, side, method));
  }

  private static byte[] resize(
      ImageConfig config, Image image, int resolution, @Nullable ResizeMethod method) {
    if (method == null && config.resize() == Resize.BICUBIC) {
      return PillowResize.bicubic(image, resolution, config.passes());
    }
    byte[] levels = new byte[3 * resolution * resolution];
    rows(
        config,
        image,
        resolution,
        method,
        new RowSink() {
          private int at;

          @Override
          public void accept(float[] row, int count) {
            truncate(row, count, overshoots(method));
            for (int i = 0; i < count; i++) {
              levels[at++] = (byte) (int) row[i];
            }
          }
        });
    return levels;
  }

  /**
   * Augments and resizes a picture, and writes values in [-1, 1].
   *
   * @param out float32 [S, S, 3], written from its position on, which advances
   * @throws IOException when the picture cannot be encoded as JPEG
   */
  public static void write(
      ImageConfig config, Image image, int resolution, ImageSteps steps, FloatBuffer out)
      throws IOException {
    int start = out.position();
    resized(config, steps.apply(image, config.jpeg()), resolution, steps, out);
    Outline outline = steps.outline();
    if (outline != null) {
      outline.draw(out, start, resolution, image.height(), image.width());
    }
  }

  private static void resized(
      ImageConfig config, Image whole, int resolution, ImageSteps steps, FloatBuffer out) {
    Image varied = shrunk(config, whole, steps.resize());
    if (steps.resize() == null && config.resize() == Resize.BICUBIC) {
      pixels(config, PillowResize.bicubic(varied, resolution, config.passes()), out);
      return;
    }
    boolean bigVision = config.resize() != Resize.BICUBIC;
    rows(
        config,
        varied,
        resolution,
        steps.resize(),
        (row, count) -> {
          if (!config.truncate()) {
            untruncated(row, count, overshoots(steps.resize()));
            out.put(row, 0, count);
            return;
          }
          truncate(row, count, overshoots(steps.resize()));
          if (bigVision) {
            for (int i = 0; i < count; i++) {
              row[i] = bigVision(row[i]);
            }
          } else {
            for (int i = 0; i < count; i++) {
              row[i] = HUGGING_FACE[(int) row[i]];
            }
          }
          out.put(row, 0, count);
        });
  }

  /**
   * {@link #BIG_VISION} of a whole level without a division: 1/255 = 1/256 + 1/65280, which rounds
   * to the same float for all 256 levels.
   */
  static float bigVision(float level) {
    return level * 0x1p-7f + level * (1 / 32640f) - 1f;
  }

  /** Converts levels that are not truncated to values in [-1, 1], in place. */
  private static void untruncated(float[] row, int count, boolean overshoots) {
    for (int i = 0; i < count; i++) {
      float level = overshoots ? Math.max(0f, Math.min(255f, row[i])) : row[i];
      row[i] = 2f * (level / 255f) - 1f;
    }
  }

  /**
   * Resizes to rows of levels that are not yet whole, with the given method or the recipe's
   * bilinear one.
   */
  private static void rows(
      ImageConfig config,
      Image image,
      int resolution,
      @Nullable ResizeMethod method,
      RowSink sink) {
    if (method != null || config.antialias()) {
      ResizeMethod weights = method == null ? ANTIALIASED : method;
      TensorFlowResize.weighted(image, resolution, weights, RowArithmetic.fastest(), sink);
    } else {
      TensorFlowResize.plain(image, resolution, sink);
    }
  }

  private static boolean overshoots(@Nullable ResizeMethod method) {
    return method != null && method.kernel().overshoots();
  }

  /**
   * Casts to uint8 in place: clips and truncates. Java 17 compiles this to vector instructions,
   * which it does not do for a cast to int. Adding 1.5 * 2^23 leaves no bits for a fraction and
   * therefore rounds. Rounding half a level below gives the whole level; at a whole level, ties to
   * even may give the one below, which is then the only value that is off by 1.
   *
   * @param count number of the row's floats to convert, from the first on
   * @param overshoots whether there may be levels below 0 or above 255
   */
  static void truncate(float[] row, int count, boolean overshoots) {
    if (overshoots) {
      for (int i = 0; i < count; i++) {
        row[i] = Math.max(0f, Math.min(255f, row[i]));
      }
    }
    for (int i = 0; i < count; i++) {
      float level = row[i];
      float whole = (level - 0.5f + NO_FRACTION) - NO_FRACTION;
      // A value below 1 is below it by at least 2^-24, and becomes 0 here.
      row[i] = whole + Math.max(0f, (level - whole) * 0x1p24f - (0x1p24f - 1));
    }
  }

  /**
   * The levels before {@link #resize} truncates them, for comparison with the reference program.
   *
   * @return float32 [S, S, 3], levels
   * @throws IllegalArgumentException for {@link Resize#BICUBIC}, which rounds in every pass
   */
  public static float[] untruncated(ImageConfig config, Image image, int resolution) {
    if (config.resize() == Resize.BICUBIC) {
      throw new IllegalArgumentException("bicubic resizing only has whole levels");
    }
    FloatBuffer levels = FloatBuffer.allocate(3 * resolution * resolution);
    rows(config, image, resolution, null, (row, count) -> levels.put(row, 0, count));
    return levels.array();
  }

  /**
   * Writes levels as values in [-1, 1], from the buffer's position on, which advances.
   *
   * @param levels uint8, of any shape
   */
  public static void pixels(ImageConfig config, byte[] levels, FloatBuffer out) {
    float[] table = table(config);
    float[] values = new float[Math.min(CHUNK, levels.length)];
    for (int from = 0; from < levels.length; from += CHUNK) {
      int count = Math.min(CHUNK, levels.length - from);
      for (int i = 0; i < count; i++) {
        values[i] = table[levels[from + i] & 0xff];
      }
      out.put(values, 0, count);
    }
  }

  private static float[] table(ImageConfig config) {
    return config.resize() == Resize.BICUBIC ? HUGGING_FACE : BIG_VISION;
  }
}
