package dev.palimpsest.mixtures.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * GIF files (GIF89a). The JDK's reader loses transparent indices beyond a frame's colours, which
 * Pillow writes, and the order of rows in low interlaced frames.
 *
 * <p>Frames are drawn over what the previous ones left. Where the specification leaves a choice,
 * Pillow's is followed: the canvas grows with frames that extend beyond it, pixels that the first
 * frame does not cover have its transparent colour or else its first one, and the first frame keeps
 * the colours under its transparent pixels.
 */
final class GifFile {
  private static final int BACKGROUND = 2; // a frame's disposal: its area is cleared

  /** For interlaced frames: the first row of each of four passes, and the step between rows. */
  private static final int[] FIRST_ROWS = {0, 4, 2, 1};

  private static final int[] ROW_STEPS = {8, 8, 4, 2};
  private static final int MOST_BITS = 12; // the most bits of a code (GIF89a, appendix F)
  private static final int[] GREY = new int[256];

  static {
    for (int level = 0; level < 256; level++) {
      GREY[level] = level * 0x010101;
    }
  }

  private final int width;
  private final int height;
  private final int background;
  private final List<Frame> frames;

  /**
   * One frame.
   *
   * @param colours RGB by index; levels of grey if neither the frame nor the file has a table
   * @param clear the transparent index; -1 if there is none
   * @param disposal what happens to it before the next one is drawn
   * @param codes its coded indices
   * @param bits size of the smallest codes, minus one
   */
  private record Frame(
      int left,
      int top,
      int width,
      int height,
      boolean interlaced,
      int[] colours,
      int clear,
      int disposal,
      byte[] codes,
      int bits) {
    int colour(int index) {
      return colours[index < colours.length ? index : 0];
    }
  }

  private GifFile(int width, int height, int background, List<Frame> frames) {
    this.width = width;
    this.height = height;
    this.background = background;
    this.frames = frames;
  }

  /**
   * Reads a file's structure.
   *
   * @throws IOException when it is truncated before its first frame, damaged or too large
   */
  static GifFile of(byte[] bytes) throws IOException {
    Reading file = new Reading(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    file.bytes.position(Math.min(6, bytes.length));
    int width = file.u16();
    int height = file.u16();
    ImageDecoder.requirePixels(width, height);
    int flags = file.u8();
    int background = file.u8();
    file.u8(); // aspect ratio
    int[] global = (flags & 0x80) == 0 ? GREY : file.colours(flags);
    List<Frame> frames = new ArrayList<>();
    int clear = -1;
    int disposal = 0;
    while (file.bytes.hasRemaining()) {
      int kind = file.u8();
      if (kind == ';') {
        break;
      } else if (kind == '!') {
        int label = file.u8();
        byte[] data = file.blocks();
        if (label == 0xf9 && data.length >= 4) { // graphic control
          clear = (data[0] & 1) == 0 ? -1 : data[3] & 0xff;
          int named = (data[0] >> 2) & 7;
          disposal = named == 0 ? disposal : named; // applies until a frame has its own
        }
      } else if (kind == ',') {
        frames.add(file.frame(global, clear, disposal));
        clear = -1;
      }
    }
    if (frames.isEmpty()) {
      throw new IOException("truncated picture: a GIF file without a frame");
    }
    return new GifFile(width, height, (flags & 0x80) == 0 ? 0 : background, frames);
  }

  private static final class Reading {
    private final ByteBuffer bytes;

    Reading(ByteBuffer bytes) {
      this.bytes = bytes;
    }

    private int u8() throws IOException {
      require(1);
      return bytes.get() & 0xff;
    }

    private int u16() throws IOException {
      require(2);
      return bytes.getShort() & 0xffff;
    }

    private void require(int count) throws IOException {
      if (bytes.remaining() < count) {
        throw new IOException("truncated picture: the GIF file ends early");
      }
    }

    private int[] colours(int flags) throws IOException {
      int[] colours = new int[2 << (flags & 7)];
      for (int i = 0; i < colours.length; i++) {
        colours[i] = u8() << 16 | u8() << 8 | u8();
      }
      return colours;
    }

    /** The contents of the blocks up to the empty one. */
    private byte[] blocks() throws IOException {
      int from = bytes.position();
      int total = 0;
      for (int size = u8(); size > 0; size = u8()) {
        require(size);
        bytes.position(bytes.position() + size);
        total += size;
      }
      int end = bytes.position();
      byte[] data = new byte[total];
      bytes.position(from);
      for (int at = 0; at < total; ) {
        int size = u8();
        bytes.get(data, at, size);
        at += size;
      }
      bytes.position(end);
      return data;
    }

    private Frame frame(int[] global, int clear, int disposal) throws IOException {
      int left = u16();
      int top = u16();
      int width = u16();
      int height = u16();
      ImageDecoder.requirePixels(left + width, top + height);
      int flags = u8();
      int[] colours = (flags & 0x80) == 0 ? global : colours(flags);
      int bits = u8();
      if (bits < 1 || bits >= MOST_BITS) {
        throw new IOException("damaged picture: a GIF frame with codes of %d bits".formatted(bits));
      }
      return new Frame(
          left, top, width, height, (flags & 0x40) != 0, colours, clear, disposal, blocks(), bits);
    }
  }

  int frames() {
    return frames.size();
  }

  /**
   * A frame as it is displayed.
   *
   * @param index 0-based
   * @throws IOException when it or one before it is damaged
   */
  Image decode(int index) throws IOException {
    Canvas canvas = Canvas.of(width, height, 0);
    @Nullable Patch restored = null; // drawn before the next frame
    for (int i = 0; i <= index; i++) {
      Frame frame = frames.get(i);
      canvas = canvas.atLeast(frame.left + frame.width, frame.top + frame.height);
      if (restored != null) {
        canvas.draw(restored);
      }
      restored = i == index ? null : below(frame, i, canvas);
      if (i == 0) {
        Arrays.fill(canvas.rgb, frame.colour(Math.max(0, frame.clear)));
      }
      draw(frame, i > 0, canvas);
    }
    return canvas.image();
  }

  /** What replaces a frame before the next one is drawn; null if it stays. */
  private @Nullable Patch below(Frame frame, int index, Canvas canvas) throws IOException {
    if (frame.disposal < BACKGROUND) {
      return null;
    }
    if (frame.disposal > BACKGROUND && index > 0) {
      return new Patch(frame.left, frame.top, canvas.part(frame));
    }
    if (frame.disposal > BACKGROUND && frame.clear < 0) {
      return null;
    }
    int colour = frame.colour(frame.clear < 0 ? background : frame.clear);
    return new Patch(frame.left, frame.top, Canvas.of(frame.width, frame.height, colour));
  }

  private static void draw(Frame frame, boolean over, Canvas canvas) throws IOException {
    byte[] indices = indices(frame);
    int from = 0;
    for (int turn = 0; turn < (frame.interlaced ? 4 : 1); turn++) {
      int step = frame.interlaced ? ROW_STEPS[turn] : 1;
      for (int y = FIRST_ROWS[turn]; y < frame.height; y += step) {
        int to = (y + frame.top) * canvas.width + frame.left;
        for (int x = 0; x < frame.width; x++, from++) {
          int index = indices[from] & 0xff;
          if (!over || index != frame.clear) {
            canvas.rgb[to + x] = index < frame.colours.length ? frame.colours[index] : 0;
          }
        }
      }
    }
  }

  /**
   * Decodes the variable-length codes (GIF89a, appendix F).
   *
   * @return uint8 [height, width], in the order of the file
   */
  private static byte[] indices(Frame frame) throws IOException {
    byte[] indices = new byte[frame.width * frame.height];
    int reset = 1 << frame.bits;
    int[] before = new int[1 << MOST_BITS]; // a code's sequence without its last index, as a code
    byte[] last = new byte[1 << MOST_BITS];
    int[] lengths = new int[1 << MOST_BITS];
    for (int i = 0; i < reset; i++) {
      last[i] = (byte) i;
      lengths[i] = 1;
    }
    int size = frame.bits + 1;
    int next = reset + 2;
    int previous = -1;
    int buffer = 0;
    int held = 0;
    int at = 0;
    int read = 0;
    while (at < indices.length) {
      while (held < size && read < frame.codes.length) {
        buffer |= (frame.codes[read++] & 0xff) << held;
        held += 8;
      }
      int code = buffer & ((1 << size) - 1);
      if (held < size || code == reset + 1) {
        throw new IOException("truncated picture: a GIF frame ends early");
      }
      buffer >>>= size;
      held -= size;
      if (code == reset) {
        size = frame.bits + 1;
        next = reset + 2;
        previous = -1;
        continue;
      }
      if (code > next || (code >= next && previous < 0) || (previous < 0 && code > reset)) {
        throw new IOException("damaged picture: a GIF frame has an undefined code");
      }
      // A code that is just being defined is the previous sequence followed by its own first index.
      int text = code == next ? previous : code;
      int length = lengths[text];
      byte first = 0;
      for (int i = length - 1, part = text; i >= 0; i--, part = before[part]) {
        first = last[part];
        if (at + i < indices.length) {
          indices[at + i] = first;
        }
      }
      at += length;
      if (code == next && at < indices.length) {
        indices[at] = first;
      }
      at += code == next ? 1 : 0;
      if (previous >= 0 && next < before.length) {
        before[next] = previous;
        last[next] = first;
        lengths[next] = lengths[previous] + 1;
        next++;
        if (next == 1 << size && size < MOST_BITS) {
          size++;
        }
      }
      previous = code;
    }
    return indices;
  }

  /** RGB as integers, [height, width]. */
  private record Canvas(int width, int height, int[] rgb) {
    static Canvas of(int width, int height, int colour) throws IOException {
      ImageDecoder.requirePixels(width, height);
      int[] rgb = new int[width * height];
      Arrays.fill(rgb, colour);
      return new Canvas(width, height, rgb);
    }

    Canvas atLeast(int right, int bottom) throws IOException {
      if (right <= width && bottom <= height) {
        return this;
      }
      Canvas larger = of(Math.max(width, right), Math.max(height, bottom), 0);
      larger.draw(new Patch(0, 0, this));
      return larger;
    }

    void draw(Patch patch) {
      Canvas from = patch.picture;
      for (int y = 0; y < from.height; y++) {
        int to = (y + patch.top) * width + patch.left;
        System.arraycopy(from.rgb, y * from.width, rgb, to, from.width);
      }
    }

    Canvas part(Frame frame) throws IOException {
      Canvas part = of(frame.width, frame.height, 0);
      for (int y = 0; y < part.height; y++) {
        int from = (y + frame.top) * width + frame.left;
        System.arraycopy(rgb, from, part.rgb, y * part.width, part.width);
      }
      return part;
    }

    Image image() {
      byte[] levels = new byte[3 * rgb.length];
      for (int i = 0, at = 0; i < rgb.length; i++) {
        levels[at++] = (byte) (rgb[i] >> 16);
        levels[at++] = (byte) (rgb[i] >> 8);
        levels[at++] = (byte) rgb[i];
      }
      return new Image(width, height, levels);
    }
  }

  private record Patch(int left, int top, Canvas picture) {}
}
