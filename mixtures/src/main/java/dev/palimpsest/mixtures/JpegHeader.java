package dev.palimpsest.mixtures;

import org.jspecify.annotations.Nullable;

/**
 * What a JPEG file's segments before the first scan say (ITU T.81, annex B).
 *
 * @param isPlain whether it is Y'CbCr in the usual order or grey, of 8 bits, without a colour
 *     profile: what every decoder understands alike
 * @param isGrey whether it has one component
 */
record JpegHeader(int width, int height, boolean isPlain, boolean isGrey) {
  /** The head; null when the bytes are no JPEG file or have no frame before their first scan. */
  static @Nullable JpegHeader of(byte[] bytes) {
    if (bytes.length < 4 || u8(bytes, 0) != 0xff || u8(bytes, 1) != 0xd8) {
      return null;
    }
    boolean ordinary = true;
    boolean jfif = false;
    int at = 2;
    while (at + 4 <= bytes.length && u8(bytes, at) == 0xff) {
      int marker = u8(bytes, at + 1);
      if (marker == 0xff) {
        at++; // fill byte
        continue;
      }
      int length = u16(bytes, at + 2);
      int end = at + 2 + length;
      if (length < 2 || end > bytes.length || marker == 0xda) {
        return null;
      }
      if (marker == 0xe0) {
        jfif |= startsWith(bytes, at + 4, "JFIF\0");
      } else if (marker == 0xee && startsWith(bytes, at + 4, "Adobe") && length >= 14) {
        ordinary &= u8(bytes, at + 15) == 1; // Y'CbCr
      } else if (marker == 0xe2 && startsWith(bytes, at + 4, "ICC_PROFILE\0")) {
        ordinary = false;
      } else if (marker == 0xc0 || (marker > 0xc0 && marker <= 0xcf && marker % 4 != 0)) {
        if (length < 8) {
          return null;
        }
        return frame(bytes, at + 4, marker, end, ordinary, jfif);
      }
      at = end;
    }
    return null;
  }

  private static @Nullable JpegHeader frame(
      byte[] bytes, int at, int marker, int end, boolean ordinary, boolean jfif) {
    int components = u8(bytes, at + 5);
    int height = u16(bytes, at + 1);
    int width = u16(bytes, at + 3);
    if (width == 0 || height == 0 || at + 6 + 3 * components > end) {
      return null;
    }
    boolean usual = components == 1 || (components == 3 && inOrder(bytes, at + 6));
    boolean known = marker <= 0xc2 && u8(bytes, at) == 8; // baseline, extended, progressive
    boolean plain = ordinary && usual && known && (jfif || components == 3);
    return new JpegHeader(width, height, plain, components == 1);
  }

  /** Components called 1, 2, 3, which is Y'CbCr with and without a JFIF head. */
  private static boolean inOrder(byte[] bytes, int at) {
    return bytes[at] == 1 && bytes[at + 3] == 2 && bytes[at + 6] == 3;
  }

  private static boolean startsWith(byte[] bytes, int at, String text) {
    for (int i = 0; i < text.length(); i++) {
      if (at + i >= bytes.length || bytes[at + i] != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static int u8(byte[] bytes, int at) {
    return bytes[at] & 0xff;
  }

  private static int u16(byte[] bytes, int at) {
    return u8(bytes, at) << 8 | u8(bytes, at + 1);
  }
}
