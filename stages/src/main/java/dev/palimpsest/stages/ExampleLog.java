package dev.palimpsest.stages;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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
 * <p>A checkpoint keeps how far the list went and the hash over it ({@link Consumed}); on resume
 * the list is cut there, so that each step stands in it once.
 */
final class ExampleLog implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ExampleLog.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final FileChannel channel;

  /**
   * Opens the list to go on with it.
   *
   * @param from what lies behind this is cut off
   */
  ExampleLog(Path file, Consumed from) {
    this.file = file;
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (channel.size() < from.bytes()) {
        log.warn(
            "{} is shorter than when its checkpoint was saved: {} bytes of {}; the steps in between"
                + " are missing in it, and nothing else",
            file,
            channel.size(),
            from.bytes());
      } else {
        channel.truncate(from.bytes());
      }
      channel.position(channel.size());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
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
    ObjectNode node = JSON.createObjectNode();
    node.put("examples", examples);
    ids.forEach(node.putArray("ids")::add);
    try {
      byte[] line = (JSON.writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
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

  /** Makes what was added last; any thread may call. */
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
