package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import dev.palimpsest.mixtures.images.JpegHeader.Colours;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;

/**
 * Decodes JPEG files to RGB: with libjpeg-turbo if the system has it ({@link TurboJpeg}), otherwise
 * with the JDK's reader. {@link JpegHeader} determines for both what the components are.
 */
final class JpegDecoder {
  /**
   * The warning of the JDK's reader when a file ends early, in which case it fills the rest with
   * grey.
   */
  private static final Pattern TRUNCATED =
      Pattern.compile("truncat|premature", Pattern.CASE_INSENSITIVE);

  private static final byte[] PROFILE =
      "ICC_PROFILE\0".getBytes(StandardCharsets.US_ASCII); // opens an APP2 segment

  private static final ColorModel RGB =
      new ComponentColorModel(
          ColorSpace.getInstance(ColorSpace.CS_sRGB),
          false,
          false,
          Transparency.OPAQUE,
          DataBuffer.TYPE_BYTE);

  private JpegDecoder() {}

  /**
   * Decodes a file's bytes.
   *
   * @param memory provides a byte array for the levels, with any contents
   * @throws IOException when they are truncated, damaged, of a kind that is not read, or more than
   *     {@link ImageDecoder#MAX_PIXELS}
   */
  static Image decode(byte[] bytes, Jpeg levels, IntFunction<byte[]> memory) throws IOException {
    JpegHeader header = JpegHeader.of(bytes);
    if (levels == Jpeg.FAST) {
      return TurboJpeg.fast(bytes, header, memory);
    }
    Image image = TurboJpeg.accurate(bytes, header, memory);
    return image != null ? image : inJava(bytes, header, memory);
  }

  /** Decodes with the JDK's reader. */
  static Image inJava(byte[] bytes, JpegHeader header, IntFunction<byte[]> memory)
      throws IOException {
    return ImageDecoder.read(
        "jpeg",
        withoutProfile(bytes),
        reader -> {
          List<String> truncated = new ArrayList<>();
          reader.addIIOReadWarningListener(
              (source, warning) -> {
                if (TRUNCATED.matcher(warning).find()) {
                  truncated.add(warning);
                }
              });
          ImageDecoder.requirePixels(reader.getWidth(0), reader.getHeight(0));
          Image image =
              !header.usual()
                  ? fromRaster(reader.readRaster(0, null), header, memory)
                  : header.colours() == Colours.GREY
                      ? ImageDecoder.rgb(reader.read(0))
                      : inPlace(reader, memory);
          if (!truncated.isEmpty()) {
            throw new IOException("truncated picture: " + truncated.get(0));
          }
          return image;
        });
  }

  /** Components as they are stored, which the JDK would interpret differently. */
  private static Image fromRaster(Raster raster, JpegHeader header, IntFunction<byte[]> memory)
      throws IOException {
    int components = header.colours().components();
    if (raster.getNumBands() != components
        || raster.getWidth() != header.width()
        || raster.getHeight() != header.height()) {
      throw new IOException("damaged picture: the frame of the JPEG file differs from its header");
    }
    byte[] samples = new byte[components * header.width() * header.height()];
    raster.getDataElements(0, 0, header.width(), header.height(), samples);
    byte[] rgb = memory.apply(3 * header.width() * header.height());
    JpegColours.toRgb(header, samples, Jpeg.ACCURATE, rgb);
    return new Image(header.width(), header.height(), rgb);
  }

  /**
   * A colour file, read directly into our order of levels: by default the JDK's reader reorders
   * them sample by sample, which takes a quarter of its time.
   */
  private static Image inPlace(ImageReader reader, IntFunction<byte[]> memory) throws IOException {
    int width = reader.getWidth(0);
    int height = reader.getHeight(0);
    byte[] rgb = memory.apply(3 * width * height);
    WritableRaster raster =
        Raster.createInterleavedRaster(
            new DataBufferByte(rgb, rgb.length),
            width,
            height,
            3 * width,
            3,
            new int[] {0, 1, 2},
            null);
    ImageReadParam into = reader.getDefaultReadParam();
    into.setDestination(new BufferedImage(RGB, raster, false, null));
    reader.read(0, into);
    return new Image(width, height, rgb);
  }

  /** A file without its colour profile, which the reader would apply. */
  private static byte[] withoutProfile(byte[] bytes) {
    ByteArrayOutputStream kept = new ByteArrayOutputStream(bytes.length);
    int copied = 0;
    int at = 2;
    // Segments FF xx, length (big-endian, itself included), up to the scan FF DA.
    while (at + 4 <= bytes.length && (bytes[at] & 0xff) == 0xff && (bytes[at + 1] & 0xff) != 0xda) {
      int marker = bytes[at + 1] & 0xff;
      if (marker == 0xff) {
        at++; // a fill byte
        continue;
      }
      int length = (bytes[at + 2] & 0xff) << 8 | (bytes[at + 3] & 0xff);
      int end = at + 2 + length;
      if (length < 2 || end > bytes.length) {
        break;
      }
      if (marker == 0xe2 && startsWith(bytes, at + 4, end, PROFILE)) {
        kept.write(bytes, copied, at - copied);
        copied = end;
      }
      at = end;
    }
    if (copied == 0) {
      return bytes;
    }
    kept.write(bytes, copied, bytes.length - copied);
    return kept.toByteArray();
  }

  private static boolean startsWith(byte[] bytes, int from, int end, byte[] start) {
    return from + start.length <= end
        && Arrays.equals(bytes, from, from + start.length, start, 0, start.length);
  }
}
