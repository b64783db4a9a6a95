package dev.palimpsest.mixtures.images;

import dev.palimpsest.configs.checks.PlaceholderFile;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.SampleModel;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.function.IntFunction;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;

/**
 * Decodes JPEG, PNG, WebP, GIF, TIFF and BMP files to RGB with the levels as stored, like Pillow's
 * {@code convert("RGB")} and TensorFlow's decoders: grey is replicated, alpha is dropped without
 * blending, palettes are looked up, the upper 8 of 16 bits are kept, fewer than 8 bits are scaled
 * to 0 to 255, inks are converted, and colour profiles and the EXIF orientation are ignored ({@link
 * ImageReference#decode()} applies the latter). Anything else is refused with a message that names
 * it.
 *
 * <p>Samples are read from the raster, because {@link BufferedImage#getRGB} converts grey with
 * alpha and 16-bit samples through a linear colour space, which changes the levels.
 */
public final class ImageDecoder {
  /** Pictures with more pixels are refused before they are decoded. */
  public static final long MAX_PIXELS = 1L << 26;

  private static final int[] BGR = {2, 1, 0};

  private ImageDecoder() {}

  /**
   * Decodes a file.
   *
   * @throws IOException when the file cannot be read, is not a picture, is truncated, or has more
   *     than {@link #MAX_PIXELS}; the message does not name the file
   */
  public static Image decode(Path file) throws IOException {
    return decode(Files.readAllBytes(file));
  }

  /**
   * Decodes a file's bytes; of an animation or several pages, the first frame.
   *
   * @throws IOException when they are not a picture, truncated, or more than {@link #MAX_PIXELS}
   */
  public static Image decode(byte[] bytes) throws IOException {
    return decode(bytes, 0);
  }

  /**
   * Decodes one frame of a file's bytes.
   *
   * @param frame 0-based
   * @throws IOException when they are not a picture, truncated, more than {@link #MAX_PIXELS}, or
   *     have fewer frames
   */
  public static Image decode(byte[] bytes, int frame) throws IOException {
    return decode(bytes, frame, Jpeg.ACCURATE, byte[]::new);
  }

  /**
   * Reads one frame of a file's bytes.
   *
   * @param jpeg how JPEG files are decoded
   * @param memory provides a byte array for the levels, with any contents; some formats do not use
   *     it
   */
  static Image decode(byte[] bytes, int frame, Jpeg jpeg, IntFunction<byte[]> memory)
      throws IOException {
    Format format = Format.of(bytes);
    if (frame > 0) {
      int frames = frames(bytes);
      if (frame >= frames) {
        throw new IOException(
            "picture of %d frames; there is no frame %d".formatted(frames, frame));
      }
    }
    return orRefused(
        () ->
            switch (format) {
              case JPEG -> JpegDecoder.decode(bytes, jpeg, memory);
              case WEBP -> WebpFile.of(bytes).decode(frame);
              case TIFF -> TiffFile.of(bytes).decode(frame);
              case GIF -> GifFile.of(bytes).decode(frame);
              case PNG -> read("png", bytes, ImageDecoder::still);
              case BMP -> read("bmp", windowsBmp(bytes), ImageDecoder::still);
            });
  }

  private interface Attempt<T> {
    T read() throws IOException;
  }

  /** Turns what the readers throw into an {@link IOException} with a useful message. */
  private static <T> T orRefused(Attempt<T> attempt) throws IOException {
    try {
      return attempt.read();
    } catch (EOFException e) { // has no message
      throw new IOException("truncated picture: it ends early", e);
    } catch (IIOException e) {
      throw new IOException(
          e.getCause() instanceof EOFException
              ? "truncated picture: it ends early"
              : "damaged picture: " + reasons(e),
          e);
    } catch (RuntimeException e) {
      // The readers throw IndexOutOfBoundsException and similar on some damaged files.
      throw new IOException("damaged picture: " + e, e);
    }
  }

  private static String reasons(IIOException e) {
    Throwable cause = e.getCause();
    return cause == null || cause.getMessage() == null
        ? String.valueOf(e.getMessage())
        : e.getMessage() + " " + cause.getMessage();
  }

  /** Recognises formats by their first bytes. */
  private enum Format {
    JPEG,
    PNG,
    GIF,
    BMP,
    TIFF,
    WEBP;

    static Format of(byte[] bytes) throws IOException {
      if (bytes.length == 0) {
        throw new IOException("the file is empty");
      }
      String head = new String(bytes, 0, Math.min(8, bytes.length), StandardCharsets.ISO_8859_1);
      if (JpegHeader.is(bytes)) {
        return JPEG;
      } else if (head.equals("\u0089PNG\r\n\u001a\n")) {
        return PNG;
      } else if (head.startsWith("GIF8")) {
        return GIF;
      } else if (head.startsWith("BM")) {
        return BMP;
      } else if (TiffFile.is(bytes)) {
        return TIFF;
      } else if (WebpFile.is(bytes)) {
        return WEBP;
      }
      throw new IOException(
          PlaceholderFile.reason(bytes)
              .map(reason -> "not a picture: it " + reason)
              .orElseGet(
                  () ->
                      "not a picture of a known format (JPEG, PNG, WebP, GIF, TIFF and BMP are); it"
                          + " begins with bytes "
                          + hex(bytes, 8)));
    }
  }

  /**
   * The number of frames of an animation or pages of a file; 1 for a still picture.
   *
   * @throws IOException when the bytes are not a picture
   */
  public static int frames(byte[] bytes) throws IOException {
    Format format = Format.of(bytes);
    return orRefused(
        () ->
            switch (format) {
              case JPEG, PNG, BMP -> 1;
              case WEBP -> WebpFile.of(bytes).frames();
              case TIFF -> TiffFile.of(bytes).pages();
              case GIF -> GifFile.of(bytes).frames();
            });
  }

  /** Refuses a picture whose header declares too many pixels, before memory is allocated. */
  static void requirePixels(long width, long height) throws IOException {
    if (width * height > MAX_PIXELS) {
      throw new IOException(
          "picture of %d x %d pixels; at most %d pixels are decoded"
              .formatted(width, height, MAX_PIXELS));
    }
  }

  /** Uses a reader. */
  interface Reading<T> {
    T with(ImageReader reader) throws IOException;
  }

  /**
   * Reads with the JDK's own reader of a format.
   *
   * @throws IOException as the reader, which may also throw a {@link RuntimeException}
   */
  static <T> T read(String format, byte[] bytes, Reading<T> reading) throws IOException {
    ImageReader reader = jdkReader(format);
    try (ByteArrayStream stream = new ByteArrayStream(bytes)) {
      reader.setInput(stream, true, true);
      return reading.with(reader);
    } finally {
      reader.dispose();
    }
  }

  private static ImageReader jdkReader(String format) {
    for (Iterator<ImageReader> it = ImageIO.getImageReadersByFormatName(format); it.hasNext(); ) {
      ImageReader reader = it.next();
      if (reader.getClass().getName().startsWith("com.sun.imageio.")) {
        return reader;
      }
      reader.dispose();
    }
    throw new IllegalStateException("this Java has no reader for " + format + " files");
  }

  /**
   * Turns a BMP file in OS/2's second format into one in Windows' format, which the JDK's reader
   * supports: the first 40 of its 64 header bytes are the same.
   */
  private static byte[] windowsBmp(byte[] bytes) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < 78 || file.getInt(14) != 64) {
      return bytes;
    }
    if (file.getInt(30) > 2) {
      throw new IOException("a BMP file of OS/2 with a compression that Windows does not have");
    }
    byte[] windows = new byte[bytes.length - 24];
    System.arraycopy(bytes, 0, windows, 0, 54);
    System.arraycopy(bytes, 78, windows, 54, bytes.length - 78);
    ByteBuffer.wrap(windows)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(2, windows.length)
        .putInt(10, file.getInt(10) - 24)
        .putInt(14, 40);
    return windows;
  }

  private static Image still(ImageReader reader) throws IOException {
    requirePixels(reader.getWidth(0), reader.getHeight(0));
    return rgb(reader.read(0));
  }

  static Image rgb(BufferedImage image) throws IOException {
    Raster raster = image.getRaster();
    if (image.getColorModel() instanceof IndexColorModel palette) {
      return fromPalette(raster, palette);
    }
    if (raster.getSampleModel() instanceof ComponentSampleModel layout
        && raster.getDataBuffer() instanceof DataBufferByte data
        && data.getNumBanks() == 1) {
      return fromBytes(raster, layout, data);
    }
    return fromSamples(raster);
  }

  private static Image fromPalette(Raster raster, IndexColorModel palette) {
    int width = raster.getWidth();
    int height = raster.getHeight();
    int[] colours = new int[palette.getMapSize()];
    palette.getRGBs(colours);
    byte[] rgb = new byte[3 * width * height];
    int[] row = new int[width];
    for (int y = 0, at = 0; y < height; y++) {
      raster.getSamples(0, y, width, 1, 0, row);
      for (int index : row) {
        int colour = index < colours.length ? colours[index] : 0;
        rgb[at++] = (byte) (colour >> 16);
        rgb[at++] = (byte) (colour >> 8);
        rgb[at++] = (byte) colour;
      }
    }
    return new Image(width, height, rgb);
  }

  /** The usual case, without a call per sample: bytes in any order. */
  private static Image fromBytes(Raster raster, ComponentSampleModel layout, DataBufferByte data) {
    int width = raster.getWidth();
    int height = raster.getHeight();
    byte[] samples = data.getData();
    int[] offsets = layout.getBandOffsets();
    boolean bgr =
        Arrays.equals(offsets, BGR)
            && layout.getPixelStride() == 3
            && layout.getScanlineStride() == 3 * width
            && samples.length == 3 * width * height;
    if (bgr) {
      for (int i = 0; i < samples.length; i += 3) {
        byte blue = samples[i];
        samples[i] = samples[i + 2];
        samples[i + 2] = blue;
      }
      return new Image(width, height, samples);
    }
    boolean grey = layout.getNumBands() < 3;
    int red = offsets[0] + data.getOffset();
    int green = grey ? red : offsets[1] + data.getOffset();
    int blue = grey ? red : offsets[2] + data.getOffset();
    int step = layout.getPixelStride();
    byte[] rgb = new byte[3 * width * height];
    for (int y = 0, at = 0; y < height; y++) {
      int from =
          (y - raster.getSampleModelTranslateY()) * layout.getScanlineStride()
              - raster.getSampleModelTranslateX() * step;
      for (int x = 0; x < width; x++, from += step, at += 3) {
        rgb[at] = samples[from + red];
        rgb[at + 1] = samples[from + green];
        rgb[at + 2] = samples[from + blue];
      }
    }
    return new Image(width, height, rgb);
  }

  private static Image fromSamples(Raster raster) throws IOException {
    int width = raster.getWidth();
    int height = raster.getHeight();
    SampleModel samples = raster.getSampleModel();
    int[] bands = raster.getNumBands() < 3 ? new int[3] : new int[] {0, 1, 2};
    byte[] rgb = new byte[3 * width * height];
    int[] row = new int[width];
    for (int c = 0; c < 3; c++) {
      byte[] levels = new byte[0];
      int bits = samples.getSampleSize(bands[c]);
      if (bits > 16) {
        throw new IOException("picture with %d bits per sample; up to 16 are read".formatted(bits));
      } else if (bits < 8) {
        levels = stretched(bits);
      }
      for (int y = 0, at = c; y < height; y++) {
        raster.getSamples(0, y, width, 1, bands[c], row);
        for (int sample : row) {
          rgb[at] = bits < 8 ? levels[sample] : (byte) (sample >> (bits - 8));
          at += 3;
        }
      }
    }
    return new Image(width, height, rgb);
  }

  /** Scales samples of fewer than 8 bits to levels from 0 to 255, truncated as in Pillow. */
  static byte[] stretched(int bits) {
    byte[] levels = new byte[1 << bits];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = (byte) (i * 255 / (levels.length - 1));
    }
    return levels;
  }

  private static String hex(byte[] bytes, int count) {
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < Math.min(count, bytes.length); i++) {
      hex.append(String.format(Locale.ROOT, "%02x", bytes[i]));
    }
    return hex.toString();
  }
}
