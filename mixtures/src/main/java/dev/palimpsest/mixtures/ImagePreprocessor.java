package dev.palimpsest.mixtures;

import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.ImageConfig.Resize;
import dev.palimpsest.mixtures.ResizeMethod.Kernel;
import java.io.IOException;
import java.nio.FloatBuffer;

/** Pictures to square pixels in [-1, 1]; the aspect ratio is not kept (PaliGemma, section 3.2). */
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

  private ImagePreprocessor() {}

  /**
   * Resizes to whole levels.
   *
   * @param resolution S, in pixels
   * @return uint8 [S, S, 3]
   */
  public static byte[] resize(ImageConfig config, Image image, int resolution) {
    if (config.resize() == Resize.BICUBIC) {
      return PillowResize.bicubic(image, resolution);
    }
    return truncate(untruncated(config, image, resolution));
  }

  /**
   * Varies and resizes a picture as a visit says.
   *
   * @return uint8 [S, S, 3]
   * @throws IOException when the picture cannot be encoded as JPEG
   */
  static byte[] resize(ImageConfig config, Image image, int resolution, ImageSteps steps)
      throws IOException {
    Image varied = steps.apply(image);
    ResizeMethod method = steps.resize();
    return method == null
        ? resize(config, varied, resolution)
        : truncate(TensorFlowResize.weighted(varied, resolution, method));
  }

  /**
   * What {@link #resize} truncates, for comparison with the reference program.
   *
   * @return float32 [S, S, 3], levels
   * @throws IllegalArgumentException for {@link Resize#BICUBIC}, which rounds in every pass
   */
  public static float[] untruncated(ImageConfig config, Image image, int resolution) {
    if (config.resize() == Resize.BICUBIC) {
      throw new IllegalArgumentException("bicubic resizing has whole levels only");
    }
    return config.antialias()
        ? TensorFlowResize.weighted(image, resolution, ANTIALIASED)
        : TensorFlowResize.plain(image, resolution);
  }

  private static byte[] truncate(float[] values) {
    byte[] levels = new byte[values.length];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = (byte) (int) Math.max(0f, Math.min(255f, values[i]));
    }
    return levels;
  }

  /**
   * Writes levels as values in [-1, 1], from the buffer's position on, which advances.
   *
   * @param levels uint8, of any shape
   */
  public static void pixels(ImageConfig config, byte[] levels, FloatBuffer out) {
    float[] table = config.resize() == Resize.BICUBIC ? HUGGING_FACE : BIG_VISION;
    float[] values = new float[levels.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = table[levels[i] & 0xff];
    }
    out.put(values);
  }
}
