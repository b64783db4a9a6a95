package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.data.ImageConfig.Jpeg;

/**
 * Converts components of JPEG files to RGB: Y'CbCr with libjpeg's fixed-point arithmetic
 * (jdcolor.c), inks as in Pillow and, with {@link Jpeg#FAST}, as in TensorFlow.
 */
final class JpegColours {
  private static final int[] RED_OF_CR = new int[256];
  private static final int[] BLUE_OF_CB = new int[256];
  private static final int[] GREEN_OF_CR = new int[256];
  private static final int[] GREEN_OF_CB = new int[256];

  static {
    int half = 1 << 15;
    for (int i = 0; i < 256; i++) {
      int x = i - 128;
      RED_OF_CR[i] = (fixed(1.402) * x + half) >> 16;
      BLUE_OF_CB[i] = (fixed(1.772) * x + half) >> 16;
      GREEN_OF_CR[i] = -fixed(0.71414) * x;
      GREEN_OF_CB[i] = -fixed(0.34414) * x + half;
    }
  }

  private JpegColours() {}

  private static int fixed(double factor) {
    return (int) (factor * 65536 + 0.5);
  }

  /**
   * Converts a picture.
   *
   * @param samples uint8 [pixels, components], possibly with further bytes
   * @param rgb uint8 [pixels, 3], the result
   */
  static void toRgb(JpegHeader header, byte[] samples, Jpeg levels, byte[] rgb) {
    switch (header.colours()) {
      case GREY -> {
        for (int i = 0; i < rgb.length; i++) {
          rgb[i] = samples[i / 3];
        }
      }
      case RGB -> System.arraycopy(samples, 0, rgb, 0, rgb.length);
      case YCC -> {
        for (int i = 0; i < rgb.length; i += 3) {
          fromYcc(samples, i, rgb, i);
        }
      }
      case CMYK -> mix(samples, header.adobe(), levels, rgb);
      case YCCK -> {
        byte[] inks = new byte[4 * (rgb.length / 3)];
        byte[] mixed = new byte[3];
        for (int i = 0; i < inks.length; i += 4) {
          fromYcc(samples, i, mixed, 0);
          for (int c = 0; c < 3; c++) {
            inks[i + c] = (byte) (255 - (mixed[c] & 0xff));
          }
          inks[i + 3] = samples[i + 3];
        }
        mix(inks, header.adobe(), levels, rgb);
      }
    }
  }

  private static void fromYcc(byte[] samples, int from, byte[] rgb, int to) {
    int y = samples[from] & 0xff;
    int cb = samples[from + 1] & 0xff;
    int cr = samples[from + 2] & 0xff;
    rgb[to] = level(y + RED_OF_CR[cr]);
    rgb[to + 1] = level(y + ((GREEN_OF_CB[cb] + GREEN_OF_CR[cr]) >> 16));
    rgb[to + 2] = level(y + BLUE_OF_CB[cb]);
  }

  /**
   * Converts inks.
   *
   * @param inks uint8 [pixels, 4], as libjpeg returns them: 255 minus the ink if Adobe's programs
   *     wrote them
   * @param adobe whether they did; Pillow assumes so, TensorFlow checks
   */
  static void mix(byte[] inks, boolean adobe, Jpeg levels, byte[] rgb) {
    for (int i = 0, to = 0; to < rgb.length; i += 4, to += 3) {
      int white = inks[i + 3] & 0xff;
      for (int c = 0; c < 3; c++) {
        int light = inks[i + c] & 0xff;
        rgb[to + c] =
            levels == Jpeg.ACCURATE
                ? mixed(255 - light, white)
                : (byte) (adobe ? white * light / 255 : (255 - white) * (255 - light) / 255);
      }
    }
  }

  /**
   * Pillow's mixture of a colour and black (Convert.c, cmyk2rgb).
   *
   * @param ink of one colour, 0 to 255
   * @param white 255 minus the black
   */
  static byte mixed(int ink, int white) {
    int product = ink * white + 128;
    return level(white - (((product >> 8) + product) >> 8));
  }

  private static byte level(int value) {
    return (byte) Math.max(0, Math.min(255, value));
  }
}
