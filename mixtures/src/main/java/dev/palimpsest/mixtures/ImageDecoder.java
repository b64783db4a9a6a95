package dev.palimpsest.mixtures;

import dev.palimpsest.configs.Unfetched;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.jspecify.annotations.Nullable;

/**
 * JPEG, PNG, WebP, GIF, TIFF and BMP files to RGB, with the stored levels as they are, like
 * Pillow's {@code convert("RGB")} and TensorFlow's decoders: grey is replicated, alpha is dropped
 * without blending, palettes are looked up, of 16 bits the upper 8 are kept, colour profiles and
 * the EXIF orientation are ignored ({@link ImageReference#decode()} heeds it). Ordinary JPEG files
 * go through libjpeg-turbo where the system has it ({@link TurboJpeg}).
 *
 * <p>Samples are read from the raster: {@link BufferedImage#getRGB} converts grey with alpha and 16
 * bits through a linear colour space and gives other levels.
 */
public final class ImageDecoder {
  /** Pictures with more pixels are refused before they are decoded. */
  public static final long MAX_PIXELS = 1L << 26;

  /** What the JPEG reader only warns of when a file ends early, filling the rest with grey. */
  private static final Pattern TRUNCATED =
      Pattern.compile("truncat|premature", Pattern.CASE_INSENSITIVE);

  private static final byte[] PROFILE =
      "ICC_PROFILE\0".getBytes(StandardCharsets.US_ASCII); // opens an APP2 segment

  private static final int[] BGR = {2, 1, 0};

  private static final ColorModel RGB =
      new ComponentColorModel(
          ColorSpace.getInstance(ColorSpace.CS_sRGB),
          false,
          false,
          Transparency.OPAQUE,
          DataBuffer.TYPE_BYTE);

  private ImageDecoder() {}

  /**
   * Reads a file.
   *
   * @throws IOException when the file cannot be read, is no picture, is truncated or has more than
   *     {@link #MAX_PIXELS}; the message does not name the file
   */
  public static Image decode(Path file) throws IOException {
    return decode(Files.readAllBytes(file));
  }

  /**
   * Reads a file's bytes, of an animation or several pages the first frame.
   *
   * @throws IOException when they are no picture, truncated or more than {@link #MAX_PIXELS}
   */
  public static Image decode(byte[] bytes) throws IOException {
    return decode(bytes, 0);
  }

  /**
   * Reads one frame of a file's bytes.
   *
   * @param frame 0-based
   * @throws IOException when they are no picture, truncated, more than {@link #MAX_PIXELS} or of
   *     fewer frames
   */
  public static Image decode(byte[] bytes, int frame) throws IOException {
    return decode(bytes, frame, byte[]::new);
  }

  /**
   * Reads one frame of a file's bytes.
   *
   * @param memory gives bytes for the levels, whatever they hold; not every format asks
   */
  static Image decode(byte[] bytes, int frame, IntFunction<byte[]> memory) throws IOException {
    JpegHeader jpeg = JpegHeader.of(bytes);
    if (jpeg != null && frame == 0) {
      requirePixels(jpeg.width(), jpeg.height());
      Image image = jpeg.isPlain() ? TurboJpeg.decode(bytes, jpeg, memory) : null;
      if (image != null) {
        return image;
      }
    }
    return decodeInJava(bytes, frame, jpeg, memory);
  }

  /**
   * The JDK's and TwelveMonkeys' readers alone.
   *
   * @param jpeg what the head says; null for other formats
   */
  static Image decodeInJava(
      byte[] bytes, int frame, @Nullable JpegHeader jpeg, IntFunction<byte[]> memory)
      throws IOException {
    boolean plainJpeg = jpeg != null && jpeg.isPlain();
    boolean plainColour = jpeg != null && jpeg.isPlain() && !jpeg.isGrey();
    byte[] plain = isJpeg(bytes) ? withoutProfile(bytes) : bytes;
    return withReader(
        plain,
        plainJpeg,
        (reader, stream) -> {
          List<String> truncated = new ArrayList<>();
          reader.addIIOReadWarningListener(
              (source, warning) -> {
                if (TRUNCATED.matcher(warning).find()) {
                  truncated.add(warning);
                }
              });
          reader.setInput(stream, frame == 0 && !isGif(bytes), !isGif(bytes));
          if (frame > 0 && frame >= reader.getNumImages(true)) {
            throw new IOException(
                "picture of %d frames; there is no frame %d"
                    .formatted(reader.getNumImages(true), frame));
          }
          requirePixels(reader.getWidth(frame), reader.getHeight(frame));
          Image image =
              isGif(bytes)
                  ? GifFrames.decode(reader, frame)
                  : plainColour ? inPlace(reader, memory) : rgb(reader.read(frame));
          if (!truncated.isEmpty()) {
            throw new IOException("truncated picture: " + truncated.get(0));
          }
          return image;
        });
  }

  /**
   * Frames of an animation or pages of a file; 1 for a still.
   *
   * @throws IOException when the bytes are no picture
   */
  public static int frames(byte[] bytes) throws IOException {
    if (isJpeg(bytes)) {
      return 1;
    }
    return withReader(
        bytes,
        false,
        (reader, stream) -> {
          reader.setInput(stream, false, true);
          return reader.getNumImages(true);
        });
  }

  /** Refuses a picture whose head promises too much, before memory is taken. */
  static void requirePixels(int width, int height) throws IOException {
    if ((long) width * height > MAX_PIXELS) {
      throw new IOException(
          "picture of %d x %d pixels; at most %d pixels are decoded"
              .formatted(width, height, MAX_PIXELS));
    }
  }

  private interface Reading<T> {
    T read(ImageReader reader, ImageInputStream stream) throws IOException;
  }

  /**
   * Reads with the first reader that knows the bytes.
   *
   * @param plainJpeg for the JDK's own, which is right for such files and faster
   */
  private static <T> T withReader(byte[] bytes, boolean plainJpeg, Reading<T> reading)
      throws IOException {
    try (ImageInputStream stream =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      ImageReader reader = plainJpeg ? jdkJpegReader() : null;
      if (reader == null) {
        Iterator<ImageReader> readers = ImageIO.getImageReaders(stream);
        if (!readers.hasNext()) {
          throw new IOException(
              Unfetched.reason(bytes)
                  .map(reason -> "not a picture: it " + reason)
                  .orElseGet(
                      () ->
                          "not a picture of a known format (JPEG, PNG, WebP, GIF, TIFF and BMP"
                              + " are); it begins with bytes "
                              + hex(bytes, 8)));
        }
        reader = readers.next();
      }
      try {
        return reading.read(reader, stream);
      } catch (EOFException e) { // carries no message
        throw new IOException("truncated picture: it ends early", e);
      } catch (RuntimeException e) {
        // The readers throw IndexOutOfBounds and the like on some damaged files.
        throw new IOException("damaged picture: " + e, e);
      } finally {
        reader.dispose();
      }
    }
  }

  /**
   * A colour JPEG file, read into levels of our order: by itself the JDK's reader turns them round
   * sample by sample, a quarter of the time that it takes.
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

  /** The JDK's reader of JPEG files; null where there is none. */
  private static @Nullable ImageReader jdkJpegReader() {
    for (Iterator<ImageReader> it = ImageIO.getImageReadersByFormatName("jpeg"); it.hasNext(); ) {
      ImageReader reader = it.next();
      if (reader.getClass().getName().startsWith("com.sun.imageio.")) {
        return reader;
      }
      reader.dispose();
    }
    return null;
  }

  private static boolean isGif(byte[] bytes) {
    return bytes.length > 5 && bytes[0] == 'G' && bytes[1] == 'I' && bytes[2] == 'F';
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

  /** The usual case, without a call a sample: bytes, whatever their order. */
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
    int bits = raster.getSampleModel().getSampleSize(0);
    if (bits != 8 && bits != 16) {
      throw new IOException("picture of %d bits a sample; 8 and 16 are read".formatted(bits));
    }
    boolean grey = raster.getNumBands() < 3;
    byte[] rgb = new byte[3 * width * height];
    int[] row = new int[width];
    for (int band = 0; band < 3; band++) {
      for (int y = 0, at = band; y < height; y++) {
        raster.getSamples(0, y, width, 1, grey ? 0 : band, row);
        for (int sample : row) {
          rgb[at] = (byte) (sample >> (bits - 8));
          at += 3;
        }
      }
    }
    return new Image(width, height, rgb);
  }

  private static boolean isJpeg(byte[] bytes) {
    return bytes.length > 3 && (bytes[0] & 0xff) == 0xff && (bytes[1] & 0xff) == 0xd8;
  }

  /** A JPEG file without its colour profile, which the reader would apply. */
  private static byte[] withoutProfile(byte[] bytes) {
    ByteArrayOutputStream kept = new ByteArrayOutputStream(bytes.length);
    int copied = 0;
    int at = 2;
    // Segments FF xx, length (big-endian, itself included), up to the scan FF DA.
    while (at + 4 <= bytes.length && (bytes[at] & 0xff) == 0xff && (bytes[at + 1] & 0xff) != 0xda) {
      int marker = bytes[at + 1] & 0xff;
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

  private static String hex(byte[] bytes, int count) {
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < Math.min(count, bytes.length); i++) {
      hex.append(String.format(Locale.ROOT, "%02x", bytes[i]));
    }
    return hex.toString();
  }
}
