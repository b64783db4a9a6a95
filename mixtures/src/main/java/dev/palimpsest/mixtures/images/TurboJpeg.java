package dev.palimpsest.mixtures.images;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import dev.palimpsest.configs.data.ImageConfig.Jpeg;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decodes JPEG files with the system's libjpeg-turbo (TurboJPEG API 2, {@code libturbojpeg.so.0}),
 * if it has one. With the accurate inverse DCT and the usual upsampling it is about twice as fast
 * as the JDK's reader and gives the same levels: the first pictures are decoded both ways, and
 * after the first difference it is no longer used this way. Files that it refuses or warns about
 * are passed to the JDK's reader, which then says what is wrong. With the fast inverse DCT, which
 * the JDK does not offer, it gives TensorFlow's levels.
 */
public final class TurboJpeg {
  private static final Logger log = LoggerFactory.getLogger(TurboJpeg.class);
  private static final int RGB = 0; // TJPF_RGB
  private static final int CMYK = 11; // TJPF_CMYK
  private static final int FAST_DCT = 2048; // TJFLAG_FASTDCT
  private static final int ACCURATE_DCT = 4096; // TJFLAG_ACCURATEDCT
  private static final int STOP_ON_WARNING = 8192; // TJFLAG_STOPONWARNING
  private static final int WARNING = 0; // TJERR_WARNING
  private static final int CHECKED = 8;

  /** The message if the fast inverse DCT is required and not available. */
  public static final String ABSENT =
      "'jpeg: fast' needs libjpeg-turbo (libturbojpeg.so.0; Debian's package is libturbojpeg0),"
          + " which this system lacks: install it, or use 'jpeg: accurate'";

  private static final Cleaner CLEANER = Cleaner.create();

  private static volatile State state = State.UNTRIED;
  private static volatile boolean wanted = true;
  private static volatile boolean differs;
  private static final AtomicInteger checked = new AtomicInteger();
  private static final ThreadLocal<Workspace> WORKSPACES = ThreadLocal.withInitial(Workspace::new);

  private enum State {
    UNTRIED,
    FOUND,
    MISSING
  }

  private TurboJpeg() {}

  /** Disables and enables it again, for measurements. */
  public static void use(boolean use) {
    wanted = use;
  }

  /** Whether the system has it. */
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
    state = State.MISSING;
    log.info("no libjpeg-turbo (libturbojpeg) in the system; JPEG files are decoded by the JDK");
  }

  /**
   * Decodes a file with the accurate inverse DCT.
   *
   * @param header the file's header
   * @param memory provides a byte array for the levels
   * @return null if the JDK's reader must decode it
   */
  static @Nullable Image accurate(byte[] bytes, JpegHeader header, IntFunction<byte[]> memory)
      throws IOException {
    if (!wanted || !isFound() || differs) {
      return null;
    }
    Workspace workspace = WORKSPACES.get();
    if (!workspace.decompress(bytes, header, ACCURATE_DCT | STOP_ON_WARNING)) {
      return null;
    }
    Image image = workspace.image(header, Jpeg.ACCURATE, memory);
    if (checked.get() < CHECKED) {
      checked.incrementAndGet();
      Image java = JpegDecoder.inJava(bytes, header, byte[]::new);
      if (!Arrays.equals(image.rgb(), java.rgb())) {
        differs = true;
        log.warn(
            "libjpeg-turbo gives other levels than the JDK's reader; the JDK's are used, which do"
                + " not depend on the system");
        return java;
      }
    }
    return image;
  }

  /**
   * Decodes a file with the fast inverse DCT, and converts inks as TensorFlow does.
   *
   * @throws IOException when it is truncated or damaged, or the system has no libjpeg-turbo
   */
  static Image fast(byte[] bytes, JpegHeader header, IntFunction<byte[]> memory)
      throws IOException {
    if (!isFound()) {
      throw new IOException(ABSENT);
    }
    Workspace workspace = WORKSPACES.get();
    if (!workspace.decompress(bytes, header, FAST_DCT | STOP_ON_WARNING)) {
      JpegDecoder.inJava(bytes, header, byte[]::new); // reports what is wrong, if anything is
      if (!workspace.decompress(bytes, header, FAST_DCT) && !workspace.hasOnlyWarned()) {
        throw new IOException("damaged picture: libjpeg-turbo refuses the JPEG file");
      }
    }
    return workspace.image(header, Jpeg.FAST, memory);
  }

  /** One thread's decompressor and native buffers, reused for every picture. */
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

    /** Decodes into the native buffer; false if the library refuses. */
    boolean decompress(byte[] bytes, JpegHeader header, int flags) {
      long size = (long) samples(header) * header.width() * header.height();
      if (input.size() < bytes.length) {
        input = new Memory(Math.max(bytes.length, 2 * input.size()));
      }
      if (output.size() < size) {
        output = new Memory(size);
      }
      input.write(0, bytes, 0, bytes.length);
      NativeLong length = new NativeLong(bytes.length);
      // The size that memory was allocated for must be the one that is written. The call fails if
      // it has no name for a file's subsampling, although it can decode it.
      Functions.tjDecompressHeader3(handle, input, length, width, height, subsampling, colours);
      return width.getValue() == header.width()
          && height.getValue() == header.height()
          && Functions.tjDecompress2(
                  handle,
                  input,
                  length,
                  output,
                  header.width(),
                  0,
                  header.height(),
                  samples(header) == 4 ? CMYK : RGB,
                  flags)
              == 0;
    }

    /** Whether the last failure was only a warning, so that the picture is complete. */
    boolean hasOnlyWarned() {
      return Functions.tjGetErrorCode(handle) == WARNING;
    }

    /** The picture that was decoded last. */
    Image image(JpegHeader header, Jpeg levels, IntFunction<byte[]> memory) {
      int pixels = header.width() * header.height();
      byte[] rgb = memory.apply(3 * pixels);
      if (samples(header) == 4) {
        byte[] inks = new byte[4 * pixels];
        output.read(0, inks, 0, inks.length);
        JpegColours.mix(inks, header.adobe(), levels, rgb);
      } else {
        output.read(0, rgb, 0, rgb.length);
      }
      return new Image(header.width(), header.height(), rgb);
    }

    /** Bytes of a decoded pixel. */
    private static int samples(JpegHeader header) {
      return header.colours().components() == 4 ? 4 : 3;
    }
  }

  /** Functions of turbojpeg.h, with their own names. */
  private static final class Functions {
    static void register(NativeLibrary library) {
      Native.register(Functions.class, library);
    }

    static native Pointer tjInitDecompress();

    static native int tjDestroy(Pointer handle);

    static native int tjGetErrorCode(Pointer handle);

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
