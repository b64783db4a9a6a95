package dev.palimpsest.model.kernels;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Structure;
import dev.palimpsest.files.Daemons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory that the C library has handed out and not got back. On a CPU that is where the engine's
 * arrays are; the Java heap is elsewhere.
 */
public final class NativeMemory {
  private static final Logger log = LoggerFactory.getLogger(NativeMemory.class);

  /** So much free memory is given back at once. */
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
    Usage usage = (Usage) MALLINFO.invoke(Usage.class, new Object[0]);
    return OptionalLong.of(usage.hblkhd + usage.uordblks);
  }

  /**
   * Gives what is free back to the system, and from now on whenever it has become much. Keeping it
   * makes steps faster (the launcher's settings), but where a model hardly fits into memory, blocks
   * that are free and of the wrong size take the place of arrays on disk. Does nothing where the C
   * library is not glibc.
   */
  public static void returnFreed() {
    if (MALLINFO == null) {
      return;
    }
    trim();
    if (LOOKING.compareAndSet(false, true)) {
      Daemons.thread("freed-memory", NativeMemory::look).start();
    }
  }

  private static void look() {
    try {
      while (true) {
        Thread.sleep(LOOK_MILLIS);
        returnMoreThan(MUCH);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      log.debug("memory is not watched any more", e);
    }
  }

  /**
   * Gives back what is free if it is more than this. glibc itself gives back what is free at the
   * heap's end. Between blocks in use much can become free: since arrays are aligned, it needs a
   * free block larger than an array to place it, so that blocks that are just as large remain, and
   * the heap grows.
   */
  static void returnMoreThan(long bytes) throws IOException {
    long used = inUse().orElse(Long.MAX_VALUE);
    if (anonymous() - Runtime.getRuntime().totalMemory() - bytes > used) {
      trim();
    }
  }

  /** Bytes of this process that are in memory and in no file. */
  static long anonymous() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("RssAnon:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    return 0;
  }

  private static void trim() {
    NativeLibrary.getInstance("c").getFunction("malloc_trim").invokeInt(new Object[] {0L});
  }
}
