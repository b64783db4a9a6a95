package dev.palimpsest.mixtures.images;

import com.luciad.imageio.webp.WebPImageReaderSpi;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageReader;
import org.jspecify.annotations.Nullable;

/**
 * WebP files (RFC 9649). This class reads the container and composes the frames of an animation as
 * libwebp's {@code anim_decode.c} does; libwebp itself, bundled as a native library, decodes the
 * bitstreams. Colour profiles and metadata are not passed to it.
 */
final class WebpFile {
  private static final int CHUNK_HEAD = 8; // four letters, length
  private static final int BACKGROUND = 1; // a frame's flag: cleared after it is displayed
  private static final int NO_BLEND = 2; // a frame's flag: it replaces what is below
  private static final int ANIMATED = 2; // the canvas's flag
  private static final int ALPHA = 0x10; // the canvas's flag

  private final int width;
  private final int height;
  private final List<Frame> frames;

  /**
   * One frame, or a still picture.
   *
   * @param x of its left edge on the canvas
   * @param y of its upper edge on the canvas
   * @param flags {@link #BACKGROUND}, {@link #NO_BLEND}
   * @param alpha the {@code ALPH} chunk of a lossy frame that has one
   * @param bitstream the {@code VP8 } or {@code VP8L} chunk
   */
  private record Frame(
      int x, int y, int width, int height, int flags, @Nullable Chunk alpha, Chunk bitstream) {
    boolean is(int flag) {
      return (flags & flag) != 0;
    }

    boolean covers(int canvasWidth, int canvasHeight) {
      return width == canvasWidth && height == canvasHeight;
    }

    boolean contains(int column, int row) {
      return column >= x && column < x + width && row >= y && row < y + height;
    }

    /** Whether the bitstream says that pixels may be transparent. */
    boolean mayBeTransparent() {
      return alpha != null
          || (bitstream.is("VP8L")
              && bitstream.data().limit() > 4
              && (bitstream.data().get(4) & 0x10) != 0);
    }
  }

  private record Chunk(String name, ByteBuffer data) {
    boolean is(String other) {
      return name.equals(other);
    }
  }

  private WebpFile(int width, int height, List<Frame> frames) {
    this.width = width;
    this.height = height;
    this.frames = frames;
  }

  static boolean is(byte[] bytes) {
    return bytes.length >= 12
        && new String(bytes, 0, 4, StandardCharsets.ISO_8859_1).equals("RIFF")
        && new String(bytes, 8, 4, StandardCharsets.ISO_8859_1).equals("WEBP");
  }

  /**
   * Reads the container.
   *
   * @param bytes for which {@link #is} is true
   * @throws IOException when it is truncated, damaged or too large
   */
  static WebpFile of(byte[] bytes) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long size = (file.getInt(4) & 0xffffffffL) + CHUNK_HEAD;
    if (size > bytes.length) {
      throw new IOException(
          "truncated picture: a WebP file of %d bytes, of which only %d are present"
              .formatted(size, bytes.length));
    }
    List<Chunk> chunks = chunks(file.slice(12, Math.max(0, (int) size - 12)));
    if (chunks.isEmpty()) {
      throw new IOException("truncated picture: a WebP file without a picture");
    }
    Chunk first = chunks.get(0);
    if (!first.is("VP8X")) {
      return still(chunks);
    }
    ByteBuffer head = first.data();
    if (head.limit() < 10) {
      throw new IOException("damaged picture: the header of the WebP canvas is too short");
    }
    int width = 1 + u24(head, 4);
    int height = 1 + u24(head, 7);
    ImageDecoder.requirePixels(width, height);
    if ((head.get(0) & ANIMATED) == 0) {
      WebpFile still = still(chunks);
      if (still.width != width || still.height != height) {
        throw new IOException(
            "damaged picture: a canvas of %d x %d pixels with a picture of %d x %d"
                .formatted(width, height, still.width, still.height));
      }
      return still;
    }
    List<Frame> frames = new ArrayList<>();
    for (Chunk chunk : chunks) {
      if (chunk.is("ANMF")) {
        frames.add(frame(chunk.data(), width, height));
      }
    }
    if (frames.isEmpty()) {
      throw new IOException("damaged picture: an animated WebP without a frame");
    }
    return new WebpFile(width, height, frames);
  }

  private static WebpFile still(List<Chunk> chunks) throws IOException {
    Chunk bitstream = bitstream(chunks);
    int[] size = size(bitstream);
    ImageDecoder.requirePixels(size[0], size[1]);
    return new WebpFile(
        size[0],
        size[1],
        List.of(new Frame(0, 0, size[0], size[1], NO_BLEND, alpha(chunks), bitstream)));
  }

  private static Frame frame(ByteBuffer data, int canvasWidth, int canvasHeight)
      throws IOException {
    if (data.limit() < 16) {
      throw new IOException("damaged picture: the header of a WebP frame is too short");
    }
    int x = 2 * u24(data, 0);
    int y = 2 * u24(data, 3);
    int width = 1 + u24(data, 6);
    int height = 1 + u24(data, 9);
    List<Chunk> chunks = chunks(data.slice(16, data.limit() - 16).order(ByteOrder.LITTLE_ENDIAN));
    Chunk bitstream = bitstream(chunks);
    int[] size = size(bitstream);
    if (x + width > canvasWidth
        || y + height > canvasHeight
        || size[0] != width
        || size[1] != height) {
      throw new IOException(
          "damaged picture: a frame of %d x %d pixels at %d, %d of a canvas of %d x %d contains %d x %d"
              .formatted(width, height, x, y, canvasWidth, canvasHeight, size[0], size[1]));
    }
    return new Frame(x, y, width, height, data.get(15), alpha(chunks), bitstream);
  }

  private static List<Chunk> chunks(ByteBuffer data) throws IOException {
    data.order(ByteOrder.LITTLE_ENDIAN);
    List<Chunk> chunks = new ArrayList<>();
    long at = 0;
    while (at + CHUNK_HEAD <= data.limit()) {
      byte[] name = new byte[4];
      data.get((int) at, name);
      long length = data.getInt((int) at + 4) & 0xffffffffL;
      if (at + CHUNK_HEAD + length > data.limit()) {
        throw new IOException("truncated picture: a part of the WebP file ends early");
      }
      ByteBuffer content = data.slice((int) at + CHUNK_HEAD, (int) length);
      chunks.add(
          new Chunk(
              new String(name, StandardCharsets.ISO_8859_1),
              content.order(ByteOrder.LITTLE_ENDIAN)));
      at += CHUNK_HEAD + length + (length & 1);
    }
    return chunks;
  }

  private static Chunk bitstream(List<Chunk> chunks) throws IOException {
    for (Chunk chunk : chunks) {
      if (chunk.is("VP8 ") || chunk.is("VP8L")) {
        return chunk;
      }
    }
    throw new IOException("damaged picture: a WebP file without a picture");
  }

  private static @Nullable Chunk alpha(List<Chunk> chunks) {
    for (Chunk chunk : chunks) {
      if (chunk.is("ALPH")) {
        return chunk;
      }
      if (chunk.is("VP8 ") || chunk.is("VP8L")) {
        return null; // trailing data
      }
    }
    return null;
  }

  /** Width and height in the bitstream's header. */
  private static int[] size(Chunk bitstream) throws IOException {
    ByteBuffer data = bitstream.data();
    if (bitstream.is("VP8L")) {
      if (data.limit() < 5 || data.get(0) != 0x2f) {
        throw new IOException("damaged picture: a lossless WebP picture without a header");
      }
      int bits = data.getInt(1);
      return new int[] {1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)};
    }
    // RFC 6386, 9.1: a frame tag of three bytes, a start code of three, width, height.
    if (data.limit() < 10 || u24(data, 3) != 0x2a019d) {
      throw new IOException("damaged picture: a lossy WebP picture without a header");
    }
    return new int[] {data.getShort(6) & 0x3fff, data.getShort(8) & 0x3fff};
  }

  int frames() {
    return frames.size();
  }

  /**
   * A frame as it is displayed on the canvas. Pixels that no frame has drawn are black.
   *
   * @param index 0-based
   * @throws IOException when it cannot be decoded
   */
  Image decode(int index) throws IOException {
    int[] canvas = argb(frames.get(0));
    if (!frames.get(0).covers(width, height) || index > 0) {
      canvas = composed(index, canvas);
    }
    byte[] rgb = new byte[3 * canvas.length];
    for (int i = 0, at = 0; i < canvas.length; i++) {
      int colour = canvas[i];
      rgb[at++] = (byte) (colour >> 16);
      rgb[at++] = (byte) (colour >> 8);
      rgb[at++] = (byte) colour;
    }
    return new Image(width, height, rgb);
  }

  private int[] composed(int index, int[] first) throws IOException {
    int[] canvas = new int[width * height];
    boolean key = true;
    for (int i = 0; i <= index; i++) {
      Frame frame = frames.get(i);
      int[] pixels = i == 0 ? first : argb(frame);
      Frame before = i == 0 ? frame : frames.get(i - 1);
      key =
          i == 0
              || ((!frame.mayBeTransparent() || frame.is(NO_BLEND)) && frame.covers(width, height))
              || (before.is(BACKGROUND) && (before.covers(width, height) || key));
      if (key) {
        Arrays.fill(canvas, 0);
      } else if (before.is(BACKGROUND)) {
        clear(before, canvas);
      }
      draw(frame, pixels, !key && !frame.is(NO_BLEND), before, canvas);
    }
    return canvas;
  }

  private void clear(Frame frame, int[] canvas) {
    for (int y = frame.y(); y < frame.y() + frame.height(); y++) {
      int from = y * width + frame.x();
      Arrays.fill(canvas, from, from + frame.width(), 0);
    }
  }

  private void draw(Frame frame, int[] pixels, boolean blend, Frame before, int[] canvas) {
    for (int y = 0; y < frame.height(); y++) {
      int to = (y + frame.y()) * width + frame.x();
      for (int x = 0; x < frame.width(); x++) {
        int pixel = pixels[y * frame.width() + x];
        // Where the previous frame was cleared there is nothing to blend with.
        boolean below =
            blend && !(before.is(BACKGROUND) && before.contains(x + frame.x(), y + frame.y()));
        canvas[to + x] = below && pixel >>> 24 != 255 ? blended(pixel, canvas[to + x]) : pixel;
      }
    }
  }

  /** Neither is multiplied by its alpha; integers, rounded as in libwebp. */
  private static int blended(int above, int below) {
    int alpha = above >>> 24;
    if (alpha == 0) {
      return below;
    }
    int rest = ((below >>> 24) * (256 - alpha)) >> 8;
    int sum = alpha + rest;
    long scale = (1L << 24) / sum;
    int result = sum << 24;
    for (int shift = 0; shift < 24; shift += 8) {
      long channel =
          (long) ((above >> shift) & 0xff) * alpha + (long) ((below >> shift) & 0xff) * rest;
      result |= (int) ((channel * scale) >> 24) << shift;
    }
    return result;
  }

  /** The pixels of a frame by itself. */
  private int[] argb(Frame frame) throws IOException {
    ImageReader reader = new WebPImageReaderSpi().createReaderInstance(null);
    try {
      reader.setInput(new ByteArrayStream(file(frame)), true, true);
      BufferedImage image = reader.read(0);
      int[] pixels = ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
      if (image.getWidth() != frame.width() || image.getHeight() != frame.height()) {
        throw new IOException("damaged picture: libwebp finds another size than the header states");
      }
      if (!image.getColorModel().hasAlpha()) {
        for (int i = 0; i < pixels.length; i++) {
          pixels[i] |= 0xff000000;
        }
      }
      return pixels;
    } catch (LinkageError e) {
      throw new IOException(
          "WebP pictures cannot be read here: libwebp cannot be loaded from the temporary folder ("
              + e.getMessage()
              + ")",
          e);
    } finally {
      reader.dispose();
    }
  }

  /** A file with one frame as a still picture, which is what libwebp reads. */
  private static byte[] file(Frame frame) {
    Chunk alpha = frame.alpha();
    int size = 4 + padded(frame.bitstream()) + (alpha == null ? 0 : 18 + padded(alpha));
    ByteBuffer file = ByteBuffer.allocate(CHUNK_HEAD + size).order(ByteOrder.LITTLE_ENDIAN);
    file.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(size);
    file.put("WEBP".getBytes(StandardCharsets.US_ASCII));
    if (alpha != null) {
      file.put("VP8X".getBytes(StandardCharsets.US_ASCII)).putInt(10).putInt(ALPHA);
      putU24(file, frame.width() - 1);
      putU24(file, frame.height() - 1);
      put(file, alpha);
    }
    put(file, frame.bitstream());
    return file.array();
  }

  private static int padded(Chunk chunk) {
    return CHUNK_HEAD + chunk.data().limit() + (chunk.data().limit() & 1);
  }

  private static void put(ByteBuffer file, Chunk chunk) {
    file.put(chunk.name().getBytes(StandardCharsets.ISO_8859_1)).putInt(chunk.data().limit());
    file.put(chunk.data().duplicate());
    if ((chunk.data().limit() & 1) == 1) {
      file.put((byte) 0);
    }
  }

  private static void putU24(ByteBuffer file, int value) {
    file.put((byte) value).put((byte) (value >> 8)).put((byte) (value >> 16));
  }

  private static int u24(ByteBuffer bytes, int at) {
    return (bytes.getShort(at) & 0xffff) | (bytes.get(at + 2) & 0xff) << 16;
  }
}
