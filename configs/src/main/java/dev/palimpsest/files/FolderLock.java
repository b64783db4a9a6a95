package dev.palimpsest.files;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets one process at a time work in a folder. The operating system releases the lock when its
 * holder ends, however it ends; the lock file stays behind and does no harm. It contains the
 * holder's name, which only messages use.
 */
public final class FolderLock implements AutoCloseable {
  /** Far behind the text, so that others can read it where locks are mandatory. */
  private static final long POSITION = Long.MAX_VALUE - 1;

  private static final int MOST_TEXT = 4096;
  private static final long RETRY_MILLIS = 100;

  private final FileChannel channel;

  private FolderLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes the lock if nobody holds it.
   *
   * @param file the lock file; it and its folder are created when absent
   * @return empty when another process, or another part of this one, holds it
   * @throws UncheckedIOException when the file cannot be written
   */
  public static Optional<FolderLock> take(Path file) {
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        if (lock(channel) == null) {
          channel.close();
          return Optional.empty();
        }
        sign(channel);
        return Optional.of(new FolderLock(channel));
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot lock " + file, e);
    }
  }

  /**
   * Takes the lock, waiting until nobody else holds it.
   *
   * @param waiting called once, with the holder's name, when it has to wait
   * @throws UncheckedIOException when the file cannot be written, or the thread is interrupted
   */
  public static FolderLock await(Path file, Consumer<String> waiting) {
    Optional<FolderLock> lock = take(file);
    if (lock.isEmpty()) {
      waiting.accept(holder(file));
    }
    while (lock.isEmpty()) {
      try {
        Thread.sleep(RETRY_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UncheckedIOException(
            "cannot lock " + file, new IOException("interrupted while waiting", e));
      }
      lock = take(file);
    }
    return lock.get();
  }

  /** Whether a process holds a lock. Nothing is changed, and a read-only folder will do. */
  public static boolean isHeld(Path file) {
    if (!Files.exists(file)) {
      return false;
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      FileLock lock = channel.tryLock(POSITION, 1, true); // shared: enough to tell
      if (lock == null) {
        return true;
      }
      lock.close();
      return false;
    } catch (OverlappingFileLockException e) {
      return true; // held within this process
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look at " + file, e);
    }
  }

  /** Who holds, or last held, a lock: {@code process 4711 on host since 2026-01-01T00:00:00Z}. */
  public static String holder(Path file) {
    ByteBuffer text = ByteBuffer.allocate(MOST_TEXT);
    JsonNode facts;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      channel.read(text, 0);
      facts =
          Json.STRICT.readTree(
              new String(text.array(), 0, text.position(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      return "another process";
    }
    return facts.has("pid")
        ? "process %s on %s since %s"
            .formatted(
                facts.path("pid").asText(),
                facts.path("host").asText("unknown"),
                facts.path("since").asText("unknown"))
        : "another process";
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock(POSITION, 1, false);
    } catch (OverlappingFileLockException e) {
      return null; // held within this process
    }
  }

  /** Writes who holds the lock. */
  private static void sign(FileChannel channel) throws IOException {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("pid", ProcessHandle.current().pid());
    facts.put("host", host());
    facts.put("since", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    String text = Json.STRICT.writeValueAsString(facts) + "\n";
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "an unnamed host";
    }
  }

  /** Releases the lock. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot unlock", e);
    }
  }
}
