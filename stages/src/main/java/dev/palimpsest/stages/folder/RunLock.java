package dev.palimpsest.stages.folder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One process a folder of results. The operating system lets go of the lock when its holder ends,
 * however it ends: {@code run.lock} stays behind and stands in nobody's way. What is written in it
 * is for the message alone.
 */
public final class RunLock implements AutoCloseable {
  /** Far behind the text, so that others can read it where locks are mandatory. */
  private static final long POSITION = Long.MAX_VALUE - 1;

  private static final int MOST_TEXT = 4096;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final FileChannel channel;

  private RunLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes the lock.
   *
   * @throws RunFolderInUseException when another process, or another run of this one, holds it
   */
  public static RunLock take(RunFolder folder) {
    Path file = folder.root().resolve("run.lock");
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        if (tryLock(channel) == null) {
          throw new RunFolderInUseException(
              "%s is in use by %s; wait until it ends, or take another --out"
                  .formatted(folder.root(), holder(channel)));
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("pid", ProcessHandle.current().pid());
        facts.put("host", host());
        facts.put("since", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        channel.truncate(0);
        channel.write(
            ByteBuffer.wrap(
                (JSON.writeValueAsString(facts) + "\n").getBytes(StandardCharsets.UTF_8)),
            0);
        return new RunLock(channel);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot lock " + file, e);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock(POSITION, 1, false);
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer text = ByteBuffer.allocate(MOST_TEXT);
    channel.read(text, 0);
    JsonNode facts;
    try {
      facts = JSON.readTree(new String(text.array(), 0, text.position(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      return "another process";
    }
    return "process %s on %s since %s"
        .formatted(
            facts.path("pid").asText("unknown"),
            facts.path("host").asText("unknown"),
            facts.path("since").asText("unknown"));
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "an unnamed host";
    }
  }

  /** Lets go. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot unlock", e);
    }
  }
}
