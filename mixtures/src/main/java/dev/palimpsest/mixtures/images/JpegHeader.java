package dev.palimpsest.mixtures.images;

import java.io.IOException;

/**
 * What a JPEG file's segments before the first scan say (ITU T.81, annex B).
 *
 * @param process the number of the SOF marker: 0 and 1 sequential, 2 progressive, 9 and 10 the same
 *     with arithmetic coding
 * @param colours what the components are
 * @param adobe whether there is an Adobe segment
 * @param usual whether every decoder, including the JDK's, interprets the components correctly
 * @param scans the number of scans; 1 if the first one is complete
 */
record JpegHeader(
    int width, int height, int process, Colours colours, boolean adobe, boolean usual, int scans) {
  /**
   * Files with more scans, or more pixels times scans, are refused: each scan makes a decoder
   * process the whole picture, however little it contains. Encoders write about ten.
   */
  private static final int MOST_SCANS = 100;

  private static final long MOST_SCANNED = 16 * ImageDecoder.MAX_PIXELS;

  /** What the components of a file are, as libjpeg decides it (jdapimin.c). */
  enum Colours {
    GREY(1),
    YCC(3),
    RGB(3),
    CMYK(4),
    YCCK(4);

    private final int components;

    Colours(int components) {
      this.components = components;
    }

    int components() {
      return components;
    }
  }

  static boolean is(byte[] bytes) {
    return bytes.length > 2 && u8(bytes, 0) == 0xff && u8(bytes, 1) == 0xd8 && u8(bytes, 2) == 0xff;
  }

  /**
   * Reads the header of a file for which {@link #is} is true.
   *
   * @throws IOException when it is truncated, or of a kind that is not read
   */
  static JpegHeader of(byte[] bytes) throws IOException {
    boolean jfif = false;
    int adobe = -1;
    int frame = -1;
    int at = 2;
    while (true) {
      // Anything may precede a marker, and a marker may have fill bytes.
      while (at + 1 < bytes.length && !(u8(bytes, at) == 0xff && isMarker(u8(bytes, at + 1)))) {
        at++;
      }
      if (at + 4 > bytes.length) {
        throw new IOException("truncated picture: the JPEG file ends before its first scan");
      }
      int marker = u8(bytes, at + 1);
      if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
        at += 2; // markers without a segment
        continue;
      }
      int end = at + 2 + u16(bytes, at + 2);
      if (marker == 0xd9 || end > bytes.length) {
        throw new IOException("truncated picture: the JPEG file ends before its first scan");
      }
      if (end < at + 4) {
        throw new IOException("damaged picture: a JPEG segment of less than two bytes");
      }
      if (marker == 0xda) {
        if (frame < 0) {
          throw new IOException("damaged picture: a JPEG scan before its frame");
        }
        return of(bytes, frame, jfif, adobe, at);
      } else if (marker == 0xe0 && end - at >= 16) {
        jfif |= startsWith(bytes, at + 4, "JFIF\0");
      } else if (marker == 0xee && end - at >= 16 && startsWith(bytes, at + 4, "Adobe")) {
        adobe = u8(bytes, at + 15);
      } else if (isFrame(marker) && frame < 0) {
        frame = at;
      }
      at = end;
    }
  }

  private static JpegHeader of(byte[] bytes, int frame, boolean jfif, int adobe, int scan)
      throws IOException {
    int process = u8(bytes, frame + 1) - 0xc0;
    int components = u16(bytes, frame + 2) < 8 ? 0 : u8(bytes, frame + 9);
    if (components == 0 || u16(bytes, frame + 2) < 8 + 3 * components) {
      throw new IOException("damaged picture: the header of the JPEG frame is too short");
    }
    if (process != 0 && process != 1 && process != 2 && process != 9 && process != 10) {
      throw new IOException(
          "a %s JPEG file; sequential and progressive ones are read"
              .formatted(process % 4 == 3 ? "lossless" : "hierarchical"));
    }
    if (u8(bytes, frame + 4) != 8) {
      throw new IOException(
          "a JPEG file with %d bits per sample; only 8 are read".formatted(u8(bytes, frame + 4)));
    }
    int height = u16(bytes, frame + 5);
    int width = u16(bytes, frame + 7);
    if (width == 0 || height == 0) {
      throw new IOException("a JPEG picture of %d x %d pixels".formatted(width, height));
    }
    ImageDecoder.requirePixels(width, height);
    int scans =
        process == 2
                || process == 10
                || (scan + 4 < bytes.length && u8(bytes, scan + 4) < components)
            ? scans(bytes, scan)
            : 1;
    long most = Math.min(MOST_SCANS, MOST_SCANNED / ((long) width * height));
    if (scans > Math.max(1, most)) {
      throw new IOException(
          "a JPEG picture of %d x %d pixels in %d scans; at that size at most %d are read"
              .formatted(width, height, scans, Math.max(1, most)));
    }
    Colours colours = colours(bytes, frame + 10, components, jfif, adobe);
    boolean inOrder = components == 3 && ids(bytes, frame + 10) == 0x010203;
    boolean subsampled = components == 3 && bytes[frame + 11] != bytes[frame + 14];
    boolean usual =
        switch (colours) {
          case GREY -> jfif;
          case YCC -> inOrder && (adobe == 1 || (adobe < 0 && (jfif || subsampled)));
          default -> false;
        };
    return new JpegHeader(width, height, process, colours, adobe >= 0, usual, scans);
  }

  private static Colours colours(
      byte[] bytes, int component, int components, boolean jfif, int adobe) throws IOException {
    return switch (components) {
      case 1 -> Colours.GREY;
      case 3 ->
          jfif
              ? Colours.YCC
              : adobe >= 0
                  ? adobe == 0 ? Colours.RGB : Colours.YCC
                  : ids(bytes, component) == 0x524742 // the letters R, G, B
                      ? Colours.RGB
                      : Colours.YCC;
      case 4 -> adobe > 0 ? Colours.YCCK : Colours.CMYK;
      default ->
          throw new IOException(
              "a JPEG file with %d components; 1, 3 and 4 are read".formatted(components));
    };
  }

  /** The identifiers of three components. */
  private static int ids(byte[] bytes, int at) {
    return u8(bytes, at) << 16 | u8(bytes, at + 3) << 8 | u8(bytes, at + 6);
  }

  /** Counts scans from the first on, by their markers. */
  private static int scans(byte[] bytes, int first) {
    int scans = 0;
    int at = first;
    while (at + 4 <= bytes.length) {
      int marker = u8(bytes, at) == 0xff ? u8(bytes, at + 1) : 0;
      if (!isMarker(marker) || (marker >= 0xd0 && marker <= 0xd8)) {
        at++; // coded data
        continue;
      }
      if (marker == 0xd9) {
        break;
      }
      if (marker == 0xda) {
        scans++;
      }
      at += 2 + u16(bytes, at + 2);
    }
    return scans;
  }

  private static boolean isMarker(int code) {
    return code != 0 && code != 0xff;
  }

  private static boolean isFrame(int marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
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
