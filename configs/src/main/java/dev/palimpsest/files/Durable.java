package dev.palimpsest.files;

import com.sun.management.OperatingSystemMXBean;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files and folders that are complete or absent: they are written beside the target under a
 * temporary name, synced and renamed, and the folder above is synced.
 */
public final class Durable {
  private static final Logger log = LoggerFactory.getLogger(Durable.class);
  private static final String WRITING = ".writing";
  private static final String REPLACED = ".replaced";

  /** Files from this size on are not left in the system's cache. */
  private static final long LARGE = large();

  private Durable() {}

  /** Writes the files of a folder. */
  @FunctionalInterface
  public interface FolderContent {
    /** Writes the files into the folder. */
    void writeTo(Path folder) throws IOException;
  }

  /** Writes a file. */
  @FunctionalInterface
  public interface FileContent {
    /** Writes it, from the channel's beginning. */
    void writeTo(FileChannel channel) throws IOException;
  }

  /** Writes a file from its first byte to its last. */
  @FunctionalInterface
  public interface StreamedContent {
    /** Writes it. */
    void writeTo(WritableByteChannel channel) throws IOException;
  }

  /** Creates a folder; an existing one is replaced. */
  public static void folder(Path target, FolderContent content) {
    Path absolute = target.toAbsolutePath();
    Path parent =
        Objects.requireNonNull(absolute.getParent(), "the root folder cannot be a target");
    Path temporary = hidden(absolute, WRITING);
    Path replaced = hidden(absolute, REPLACED);
    try {
      Files.createDirectories(parent);
      delete(temporary);
      delete(replaced);
      Files.createDirectory(temporary);
      log.debug("writing {}", absolute);
      content.writeTo(temporary);
      sync(temporary);
      if (Files.exists(absolute)) {
        Files.move(absolute, replaced, StandardCopyOption.ATOMIC_MOVE);
      }
      log.debug("renaming {}", absolute);
      Files.move(temporary, absolute, StandardCopyOption.ATOMIC_MOVE);
      log.debug("renamed {}", absolute);
      sync(parent);
      delete(replaced);
    } catch (IOException | RuntimeException e) {
      throw failed(absolute, temporary, e);
    }
  }

  /**
   * Creates a file; an existing one is replaced.
   *
   * @throws UncheckedIOException when it cannot be written; an existing file is then unchanged
   */
  public static void file(Path target, byte[] bytes) {
    file(target, channel -> writeFully(channel, bytes));
  }

  /** Makes a file; one that stands there is replaced. */
  public static void file(Path target, FileContent content) {
    Path absolute = target.toAbsolutePath();
    Path parent = Objects.requireNonNull(absolute.getParent(), "the root folder is not a file");
    Path temporary = hidden(absolute, WRITING);
    try {
      Files.createDirectories(parent);
      log.debug("writing {}", absolute);
      write(temporary, content);
      log.debug("renaming {}", absolute);
      Files.move(
          temporary, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      log.debug("renamed {}", absolute);
      sync(parent);
    } catch (IOException | RuntimeException e) {
      throw failed(absolute, temporary, e);
    }
  }

  private static RuntimeException failed(Path target, Path temporary, Exception e) {
    try {
      delete(temporary);
    } catch (IOException suppressed) {
      e.addSuppressed(suppressed);
    }
    Throwable reason = isUnnamed(e) ? e.getCause() : e;
    return reason instanceof IOException io
        ? new UncheckedIOException("cannot write " + target + ": " + io.getMessage(), io)
        : (RuntimeException) e;
  }

  /** Whether it says no more than the system's own words. */
  private static boolean isUnnamed(Exception e) {
    return e instanceof UncheckedIOException && String.valueOf(e.getCause()).equals(e.getMessage());
  }

  /** Writes and syncs a file inside a folder that is itself being made. */
  public static void write(Path file, FileContent content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      content.writeTo(channel);
      channel.force(true);
    }
  }

  /** Writes and syncs a file inside a folder that is itself being made. */
  public static WrittenFile write(Path file, byte[] bytes) throws IOException {
    write(file, channel -> writeFully(channel, bytes));
    String hash = HexFormat.of().formatHex(ContentHash.sha256().digest(bytes));
    return new WrittenFile(String.valueOf(file.getFileName()), bytes.length, hash);
  }

  /**
   * The same for a file of any size, whose hash is computed while it is written.
   *
   * @param size about how many bytes it will have
   */
  public static WrittenFile writeHashed(Path file, long size, StreamedContent content)
      throws IOException {
    WrittenFile[] written = new WrittenFile[1];
    write(file, channel -> written[0] = hashed(file, file, channel, size >= LARGE, content));
    return written[0];
  }

  /**
   * Creates a file of any size, whose hash is computed while it is written; an existing one is
   * replaced.
   *
   * @param size about how many bytes it will have
   */
  public static WrittenFile fileHashed(Path target, long size, StreamedContent content) {
    WrittenFile[] written = new WrittenFile[1];
    Path temporary = unfinished(target);
    file(
        target, channel -> written[0] = hashed(target, temporary, channel, size >= LARGE, content));
    return written[0];
  }

  /** As {@link #fileHashed(Path, long, StreamedContent)}, past the system's cache or not. */
  static WrittenFile hashed(
      Path target, Path file, FileChannel channel, boolean pastCache, StreamedContent content)
      throws IOException {
    try (StreamedFile streamed = new StreamedFile(file, channel, pastCache);
        EarlySync sync = streamed.isPastCache() ? null : new EarlySync(channel)) {
      content.writeTo(streamed);
      WrittenFile written = streamed.finish(String.valueOf(target.getFileName()));
      if (sync != null) {
        sync.finish();
      }
      return written;
    }
  }

  /** A sixteenth of the machine's memory, or of the container's. */
  private static long large() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getTotalMemorySize() / 16
        : Long.MAX_VALUE;
  }

  private static void writeFully(FileChannel channel, byte[] bytes) throws IOException {
    ByteBuffer rest = ByteBuffer.wrap(bytes);
    while (rest.hasRemaining()) {
      channel.write(rest);
    }
  }

  /** Makes renames and new names in a folder durable. */
  public static void sync(Path folder) throws IOException {
    if (File.separatorChar == '\\') {
      return; // Windows cannot open folders, and keeps a journal of their entries itself
    }
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Removes a folder: hides it by one rename, then deletes it piece by piece. */
  public static void remove(Path folder) {
    Path absolute = folder.toAbsolutePath();
    Path hidden = hidden(absolute, REPLACED);
    try {
      delete(hidden);
      Files.move(absolute, hidden, StandardCopyOption.ATOMIC_MOVE);
      delete(hidden);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove " + folder + ": " + e.getMessage(), e);
    }
  }

  /** Removes what interrupted writers left in a folder. */
  public static List<Path> removeLeftovers(Path folder) throws IOException {
    List<Path> leftovers;
    try (var entries = Files.list(folder)) {
      leftovers =
          entries
              .filter(
                  p -> {
                    String name = String.valueOf(p.getFileName());
                    return name.startsWith(".")
                        && (name.endsWith(WRITING) || name.endsWith(REPLACED));
                  })
              .toList();
    }
    for (Path leftover : leftovers) {
      delete(leftover);
    }
    return leftovers;
  }

  /** Deletes a file, or a folder with its contents; links are removed, not followed. */
  public static void delete(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    List<Path> all;
    try (var tree = Files.walk(path)) {
      all = tree.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path p : all) {
      Files.delete(p);
    }
  }

  /** Where a folder stands until it is complete. */
  public static Path unfinished(Path target) {
    return hidden(target.toAbsolutePath(), WRITING);
  }

  private static Path hidden(Path target, String suffix) {
    return target.resolveSibling("." + target.getFileName() + suffix);
  }
}
