package dev.palimpsest.model.kernels;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Structure;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Memory that the C library has handed out and not got back. On a CPU that is where the engine's
 * arrays are; the Java heap is elsewhere.
 */
public final class NativeMemory {
  // Of glibc's malloc.h.
  private static final int TRIM_THRESHOLD = -1;
  private static final int MMAP_THRESHOLD = -3;

  /** Two huge pages; arrays of an image tower's activations and weights are larger. */
  private static final int BIG_BLOCK = 4 << 20;

  /** So much free memory between blocks in use is given back at once. */
  private static final long MUCH = 2L << 30;

  private static final int LOOK_MILLIS = 500;

  private static final @Nullable Function MALLINFO = find();

  private static final AtomicBoolean LOOKING = new AtomicBoolean();

  private NativeMemory() {}

  /**
   * {@code struct mallinfo2} of glibc.
   *
   * <p>Public because JNA fills it in.
   */
  @Structure.FieldOrder({
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost"
  })
  public static final class Usage extends Structure implements Structure.ByValue {
    public long arena;
    public long ordblks;
    public long smblks;
    public long hblks;

    /** Bytes in blocks that are mapped one by one. */
    public long hblkhd;

    public long usmblks;
    public long fsmblks;

    /** Bytes in use of the heaps of all threads. */
    public long uordblks;

    /** Bytes that are free between them. */
    public long fordblks;

    public long keepcost;
  }

  private static @Nullable Function find() {
    try {
      return NativeLibrary.getInstance("c").getFunction("mallinfo2");
    } catch (UnsatisfiedLinkError e) {
      return null; // another system, or a glibc before 2.33
    }
  }

  /** Bytes in use now; empty if the system does not tell. */
  public static OptionalLong inUse() {
    if (MALLINFO == null) {
      return OptionalLong.empty();
    }
    Usage usage = usage(MALLINFO);
    return OptionalLong.of(usage.hblkhd + usage.uordblks);
  }

  private static Usage usage(Function mallinfo) {
    return (Usage) mallinfo.invoke(Usage.class, new Object[0]);
  }

  /**
   * Gives what is free back to the system, and has glibc do so from now on: with big blocks when
   * they are freed, and with the rest when it has become much. Keeping them makes steps faster (the
   * launcher's settings), but where a model hardly fits into memory, blocks that are free and of
   * the wrong size take the place of arrays on disk. Does nothing where the C library is not glibc.
   */
  public static void returnFreed() {
    Function mallinfo = MALLINFO;
    if (mallinfo == null) {
      return;
    }
    NativeLibrary c = NativeLibrary.getInstance("c");
    Function mallopt = c.getFunction("mallopt");
    mallopt.invokeInt(new Object[] {MMAP_THRESHOLD, BIG_BLOCK});
    mallopt.invokeInt(new Object[] {TRIM_THRESHOLD, BIG_BLOCK});
    trim();
    if (LOOKING.compareAndSet(false, true)) {
      Thread looking = new Thread(() -> returnMuch(mallinfo), "freed memory");
      looking.setDaemon(true);
      looking.start();
    }
  }

  /**
   * Smaller blocks go back from the heap's end alone. Since arrays are aligned, glibc needs a free
   * block larger than an array to place it: blocks that are just as large remain, and the heap
   * grows.
   */
  private static void returnMuch(Function mallinfo) {
    try {
      while (true) {
        Thread.sleep(LOOK_MILLIS);
        if (usage(mallinfo).fordblks > MUCH) {
          trim();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void trim() {
    NativeLibrary.getInstance("c").getFunction("malloc_trim").invokeInt(new Object[] {0L});
  }
}
