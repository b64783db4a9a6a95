package dev.palimpsest.mixtures;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JPEG through the system's libjpeg-turbo (TurboJPEG API 2, {@code libturbojpeg.so.0}), where there
 * is one. It is about twice as fast as the JDK's reader and, with the accurate inverse DCT and the
 * usual upsampling, gives the same levels: the first pictures are decoded both ways, and at the
 * first difference it is not used any more. Whatever it refuses or warns of goes to the JDK's
 * reader, which then says what is wrong.
 */
public final class TurboJpeg {
  private static final Logger log = LoggerFactory.getLogger(TurboJpeg.class);
  private static final int RGB = 0; // TJPF_RGB
  private static final int FLAGS = 4096 | 8192; // TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING
  private static final int CHECKED = 8;
  private static final Cleaner CLEANER = Cleaner.create();

  private static volatile State state = State.UNTRIED;
  private static volatile boolean wanted = true;
  private static final AtomicInteger checked = new AtomicInteger();
  private static final ThreadLocal<Workspace> WORKSPACES = ThreadLocal.withInitial(Workspace::new);

  private enum State {
    UNTRIED,
    FOUND,
    ABSENT
  }

  private TurboJpeg() {}

  /** Switches it off and on again, for measurements. */
  public static void use(boolean use) {
    wanted = use;
  }

  /** Whether the system has it, and its levels were never found to differ. */
  public static boolean isFound() {
    if (state == State.UNTRIED) {
      load();
    }
    return state == State.FOUND;
  }

  private static synchronized void load() {
    if (state != State.UNTRIED) {
      return;
    }
    for (String name : new String[] {"turbojpeg", "libturbojpeg.so.0"}) {
      try {
        Functions.register(NativeLibrary.getInstance(name));
        state = State.FOUND;
        log.info("JPEG files are decoded by the system's libjpeg-turbo");
        return;
      } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
        log.debug("no {}", name, e);
      }
    }
    state = State.ABSENT;
    log.info("no libjpeg-turbo (libturbojpeg) in the system; JPEG files are decoded by the JDK");
  }

  /**
   * Decodes a file.
   *
   * @param header what it says of itself; plain
   * @param memory gives bytes for the levels
   * @return null where the JDK's reader must do it
   */
  static @Nullable Image decode(byte[] bytes, JpegHeader header, IntFunction<byte[]> memory)
      throws IOException {
    if (!wanted || !isFound()) {
      return null;
    }
    Image image = WORKSPACES.get().decode(bytes, header, memory);
    if (image != null && checked.get() < CHECKED) {
      checked.incrementAndGet();
      Image java = ImageDecoder.decodeInJava(bytes, 0, header, byte[]::new);
      if (!Arrays.equals(image.rgb(), java.rgb())) {
        state = State.ABSENT;
        log.warn("libjpeg-turbo gives other levels than the JDK's reader; it is not used");
        return java;
      }
    }
    return image;
  }

  /** One thread's decompressor and native buffers, used again for every picture. */
  private static final class Workspace {
    private final Pointer handle = Functions.tjInitDecompress();
    private final IntByReference width = new IntByReference();
    private final IntByReference height = new IntByReference();
    private final IntByReference subsampling = new IntByReference();
    private final IntByReference colours = new IntByReference();
    private Memory input = new Memory(1 << 18);
    private Memory output = new Memory(1 << 20);

    Workspace() {
      Pointer destroyed = handle;
      CLEANER.register(this, () -> Functions.tjDestroy(destroyed));
    }

    @Nullable Image decode(byte[] bytes, JpegHeader header, IntFunction<byte[]> memory) {
      long size = 3L * header.width() * header.height();
      if (input.size() < bytes.length) {
        input = new Memory(Math.max(bytes.length, 2 * input.size()));
      }
      if (output.size() < size) {
        output = new Memory(size);
      }
      input.write(0, bytes, 0, bytes.length);
      NativeLong length = new NativeLong(bytes.length);
      // The size that memory was taken for must be the one that is written.
      boolean same =
          Functions.tjDecompressHeader3(handle, input, length, width, height, subsampling, colours)
                  == 0
              && width.getValue() == header.width()
              && height.getValue() == header.height();
      if (!same
          || Functions.tjDecompress2(
                  handle, input, length, output, header.width(), 0, header.height(), RGB, FLAGS)
              != 0) {
        return null;
      }
      byte[] rgb = memory.apply((int) size);
      output.read(0, rgb, 0, rgb.length);
      return new Image(header.width(), header.height(), rgb);
    }
  }

  /** Functions of turbojpeg.h, by their own names. */
  private static final class Functions {
    static void register(NativeLibrary library) {
      Native.register(Functions.class, library);
    }

    static native Pointer tjInitDecompress();

    static native int tjDestroy(Pointer handle);

    static native int tjDecompressHeader3(
        Pointer handle,
        Pointer jpeg,
        NativeLong size,
        IntByReference width,
        IntByReference height,
        IntByReference subsampling,
        IntByReference colours);

    static native int tjDecompress2(
        Pointer handle,
        Pointer jpeg,
        NativeLong size,
        Pointer pixels,
        int width,
        int pitch,
        int height,
        int format,
        int flags);
  }
}
