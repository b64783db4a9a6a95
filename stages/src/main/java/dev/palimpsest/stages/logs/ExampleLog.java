package dev.palimpsest.stages.logs;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.state.Consumed;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code examples.jsonl}: the ordered list of the examples that a stage has consumed, one line a
 * step: {@code {"examples":64,"ids":["caption/12","ocr/3"]}}. About 20 bytes an example.
 *
 * <p>A checkpoint records the length of the list and its hash ({@link Consumed}); on resume the
 * list is truncated there, so that each step is in it once.
 */
final class ExampleLog implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ExampleLog.class);

  /** Bytes that are read first to find a list's last line. */
  private static final int FIRST_LOOK = 1 << 16;

  /** An upper limit on the bytes of a step's ids. */
  private static final int LONGEST_LINE = 1 << 28;

  private final Path file;
  private final FileChannel channel;

  /**
   * Opens the list to continue it.
   *
   * @param from everything after this is truncated
   * @param examples seen in the stage when that was
   */
  ExampleLog(Path file, Consumed from, long examples) {
    this.file = file;
    try {
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      long end = from.bytes();
      if (end > 0 && examplesOfLineBefore(end) != examples) {
        end = endOfWholeLines(examples);
        log.warn(
            "{} is shorter than when its checkpoint was saved: it continues after its complete part; only"
                + " steps are missing in it",
            file);
      }
      channel.truncate(end);
      channel.position(end);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
  }

  /**
   * Whether the list no longer agrees with the consumption that a checkpoint records: it was
   * altered or has lost lines.
   */
  static boolean isAltered(Path file, Consumed consumed) throws IOException {
    if (consumed.bytes() == 0) {
      return false;
    }
    if (!Files.exists(file) || Files.size(file) < consumed.bytes()) {
      return true;
    }
    String chain = "";
    long left = consumed.bytes();
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), FIRST_LOOK)) {
      while (left-- > 0) {
        int c = in.read();
        line.write(c);
        if (c == '\n') {
          chain = chain(chain, line.toByteArray());
          line.reset();
        }
      }
    }
    return line.size() > 0 || !chain.equals(consumed.chain());
  }

  /** The number of examples in the line that ends there; -1 if none ends there. */
  private long examplesOfLineBefore(long end) throws IOException {
    if (channel.size() < end) {
      return -1;
    }
    for (int length = FIRST_LOOK; ; length *= 2) {
      long begin = Math.max(0, end - length);
      ByteBuffer bytes = ByteBuffer.allocate((int) (end - begin));
      int read = 0;
      while (bytes.hasRemaining() && read >= 0) {
        read = channel.read(bytes, begin + bytes.position());
      }
      int last = bytes.capacity() - 1;
      if (bytes.get(last) != '\n') {
        return -1;
      }
      int before = last - 1;
      while (before >= 0 && bytes.get(before) != '\n') {
        before--;
      }
      if (before >= 0 || begin == 0) {
        return examplesOf(new String(bytes.array(), before + 1, last - before - 1, UTF_8));
      }
      if (length > LONGEST_LINE) {
        return -1;
      }
    }
  }

  /** The end of the complete lines up to a number of examples. */
  private long endOfWholeLines(long examples) throws IOException {
    long end = 0;
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      for (int c = in.read(); c >= 0 && line.size() < LONGEST_LINE; c = in.read()) {
        if (c != '\n') {
          line.write(c);
          continue;
        }
        long of = examplesOf(line.toString(UTF_8));
        if (of < 0 || of > examples) {
          break;
        }
        end += line.size() + 1;
        line.reset();
      }
    }
    return end;
  }

  private static long examplesOf(String line) {
    try {
      return Json.STRICT.readTree(line).path("examples").asLong(-1);
    } catch (JsonProcessingException e) {
      return -1;
    }
  }

  /**
   * Adds a step.
   *
   * @param before what was consumed before it
   * @param examples seen in the stage after it
   * @param ids in the order of the step
   */
  Consumed add(Consumed before, long examples, List<String> ids) {
    ObjectNode node = Json.STRICT.createObjectNode();
    node.put("examples", examples);
    ids.forEach(node.putArray("ids")::add);
    try {
      byte[] line = (Json.STRICT.writeValueAsString(node) + "\n").getBytes(UTF_8);
      ByteBuffer rest = ByteBuffer.wrap(line);
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
      return new Consumed(chain(before.chain(), line), before.bytes() + line.length);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  private static String chain(String before, byte[] line) {
    MessageDigest digest = ContentHash.sha256();
    digest.update(before.getBytes(StandardCharsets.US_ASCII));
    digest.update(line);
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Makes what was added durable; any thread may call this. */
  void sync() {
    try {
      channel.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file, e);
    }
  }
}
