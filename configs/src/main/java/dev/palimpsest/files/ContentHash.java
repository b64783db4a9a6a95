package dev.palimpsest.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/** SHA-256 of files, in hexadecimal. */
public final class ContentHash {
  /** Files in a folder that say where a model comes from, not what it is. */
  private static final Set<String> ABOUT = Set.of("lineage.json", "README.md");

  /** Bytes read at a time. */
  private static final int PIECE = 4 << 20;

  private ContentHash() {}

  /**
   * Hash of a file's bytes, or of a folder's relative names and bytes in name order. Links are
   * followed. In a folder, hidden files and an export's lineage and model card do not count: they
   * say where it came from, not what it is.
   */
  public static String of(Path path) {
    MessageDigest digest = sha256();
    try {
      if (Files.isDirectory(path)) {
        try (Stream<Path> walk = Files.walk(path, FileVisitOption.FOLLOW_LINKS)) {
          List<Path> files =
              walk.filter(Files::isRegularFile)
                  .filter(file -> counts(path.relativize(file)))
                  .sorted()
                  .toList();
          for (Path file : files) {
            digest.update(path.relativize(file).toString().getBytes(StandardCharsets.UTF_8));
            add(digest, file);
          }
        }
      } else {
        add(digest, path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + path, e);
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException("cannot read " + path, e.getCause());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Hash of a text in UTF-8. */
  public static String of(String text) {
    return HexFormat.of().formatHex(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static boolean counts(Path inFolder) {
    for (Path name : inFolder) {
      if (name.toString().startsWith(".")) {
        return false;
      }
    }
    return !ABOUT.contains(inFolder.toString());
  }

  /** Adds a file's bytes; of a large one, the next piece is read while one is hashed. */
  private static void add(MessageDigest digest, Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer piece = ByteBuffer.allocateDirect((int) Math.min(PIECE, channel.size() + 1));
      boolean more = fill(channel, piece);
      digest.update(piece.flip());
      if (more) {
        addRest(digest, channel, piece);
      }
    }
  }

  private static void addRest(MessageDigest digest, FileChannel channel, ByteBuffer first)
      throws IOException {
    ExecutorService reader = Executors.newSingleThreadExecutor(Daemons.named("read-ahead"));
    try {
      ByteBuffer[] pieces = {first.clear(), ByteBuffer.allocateDirect(PIECE)};
      boolean more = fill(channel, pieces[0]);
      for (int now = 0; pieces[now].position() > 0; now = 1 - now) {
        ByteBuffer next = pieces[1 - now].clear();
        Future<Boolean> reading = more ? reader.submit(() -> fill(channel, next)) : null;
        digest.update(pieces[now].flip());
        more = reading != null && reading.get();
      }
    } catch (ExecutionException e) {
      throw new IOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      reader.shutdownNow();
    }
  }

  /** Fills a buffer from the channel's position on; whether the file may go on behind it. */
  private static boolean fill(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        return false;
      }
    }
    return true;
  }

  /** A new digest. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
