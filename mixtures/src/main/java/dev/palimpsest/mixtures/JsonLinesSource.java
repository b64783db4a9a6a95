package dev.palimpsest.mixtures;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object a line, UTF-8, with {@code image} (a file name or a list of them; may be absent)
 * and whatever the task reads, as in PaliGemma's published fine-tuning format. Empty lines are
 * skipped.
 *
 * <p>Only the offsets of the lines are held in memory; a line is read when it is asked for. Image
 * names are relative to the images folder and may not leave it through {@code ..}; absolute names
 * are taken as they are, as in the published files.
 *
 * <p>The fingerprint covers every byte of the file and, for every image named, name and size in
 * bytes (-1 where it is missing), but not its pixels: a picture replaced by another of the same
 * length goes unnoticed.
 */
final class JsonLinesSource implements ExampleSource {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Some editors put it before the first line. */
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};

  private final Path file;
  private final Path images;
  private final FileChannel channel;

  /** Start of each example's line. */
  private final long[] offsets;

  /** 1-based line of each example; differs from its position where lines are empty. */
  private final int[] lines;

  private final long length;
  private final Object fingerprintLock = new Object();
  private @Nullable String fingerprint;

  private JsonLinesSource(Path file, Path images, FileChannel channel) throws IOException {
    this.file = file;
    this.images = images;
    this.channel = channel;
    long[] starts = new long[1024];
    int[] numbers = new int[1024];
    int count = 0;
    long start = 0;
    int line = 1;
    boolean blank = true;
    long at = 0;
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    while (true) {
      boolean ended = channel.read(buffer.clear(), at) < 0;
      buffer.flip();
      while (buffer.hasRemaining() || ended) {
        byte b = ended ? (byte) '\n' : buffer.get();
        at += ended ? 0 : 1;
        if (b == '\n') {
          if (!blank) {
            if (count == starts.length) {
              starts = Arrays.copyOf(starts, 2 * count);
              numbers = Arrays.copyOf(numbers, 2 * count);
            }
            starts[count] = start;
            numbers[count++] = line;
          }
          start = at;
          line++;
          blank = true;
        } else if (b != ' ' && b != '\t' && b != '\r') {
          blank = false;
        }
        if (ended) {
          break;
        }
      }
      if (ended) {
        break;
      }
    }
    if (count == 0) {
      throw new MalformedFileException("source " + file + " holds no example");
    }
    length = at;
    offsets = Arrays.copyOf(starts, count);
    if (offsets[0] == 0 && hasByteOrderMark(channel)) {
      offsets[0] = BYTE_ORDER_MARK.length;
    }
    lines = Arrays.copyOf(numbers, count);
  }

  private static boolean hasByteOrderMark(FileChannel channel) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(BYTE_ORDER_MARK.length);
    while (head.hasRemaining() && channel.read(head, head.position()) >= 0) {}
    return Arrays.equals(head.array(), BYTE_ORDER_MARK);
  }

  /**
   * Opens a file.
   *
   * @param images folder that image names are relative to
   */
  static JsonLinesSource open(Path file, Path images) {
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      return new JsonLinesSource(file, images, channel);
    } catch (IOException e) {
      throw closing(channel, new UncheckedIOException("cannot read source " + file, e));
    } catch (RuntimeException e) {
      throw closing(channel, e);
    }
  }

  private static RuntimeException closing(@Nullable FileChannel channel, RuntimeException failure) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        failure.addSuppressed(e);
      }
    }
    return failure;
  }

  @Override
  public long size() {
    return offsets.length;
  }

  @Override
  public Row row(long index) {
    if (index < 0 || index >= offsets.length) {
      throw new IndexOutOfBoundsException(
          "source %s has %d examples, no position %d".formatted(file, offsets.length, index));
    }
    int position = (int) index;
    ObjectNode line = parse(position);
    return new Row(where(position), images(position, line), line);
  }

  private List<ImageReference> images(int position, ObjectNode line) {
    List<ImageReference> references = new ArrayList<>();
    for (JsonNode image : list(line.path("image"))) {
      String name = text(position, "image", image);
      Path path;
      try {
        path = SourceFiles.picture(images, name);
      } catch (IllegalArgumentException e) {
        throw bad(position, String.valueOf(e.getMessage()), e);
      }
      references.add(ImageReference.file(path));
    }
    return references;
  }

  private static Iterable<JsonNode> list(JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return List.of();
    }
    return node.isArray() ? node : List.of(node);
  }

  private String text(int position, String field, JsonNode node) {
    if (!node.isTextual()) {
      throw bad(position, "%s must be a text, found %s".formatted(field, node), null);
    }
    return node.textValue();
  }

  private ObjectNode parse(int position) {
    long end = position + 1 < offsets.length ? offsets[position + 1] : length;
    ByteBuffer bytes = ByteBuffer.allocate((int) (end - offsets[position]));
    try {
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, offsets[position] + bytes.position()) < 0) {
          throw bad(position, "the file has become shorter since it was opened", null);
        }
      }
      JsonNode node =
          JSON.readTree(StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString());
      if (!(node instanceof ObjectNode object)) {
        throw bad(position, "expected a JSON object, found " + node, null);
      }
      return object;
    } catch (java.nio.charset.CharacterCodingException e) {
      throw bad(position, "it is not UTF-8", e);
    } catch (JsonProcessingException e) {
      throw bad(position, "it is not one JSON object: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw bad(position, "it cannot be read: " + e.getMessage(), e);
    }
  }

  /** Names a line as compilers do. */
  private String where(int position) {
    return file.getFileName() + ":" + lines[position];
  }

  private BadExampleException bad(int position, String what, @Nullable Throwable cause) {
    return new BadExampleException(file + ":" + lines[position] + ": " + what, cause);
  }

  @Override
  public String fingerprint() {
    synchronized (fingerprintLock) {
      if (fingerprint == null) {
        fingerprint = computeFingerprint();
      }
      return fingerprint;
    }
  }

  private String computeFingerprint() {
    Digest digest = new Digest();
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    try {
      for (long at = 0; channel.read(buffer.clear(), at) >= 0; at += buffer.limit()) {
        digest.add(buffer.flip());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + file, e);
    }
    for (int position = 0; position < offsets.length; position++) {
      try {
        for (JsonNode image : list(parse(position).path("image"))) {
          String name = text(position, "image", image);
          SourceFiles.addPicture(digest, name, SourceFiles.picture(images, name));
        }
      } catch (BadExampleException | IllegalArgumentException e) {
        digest.add(-2); // its bytes are in already, and that it is bad is for its reader to say
      }
    }
    return digest.hex();
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close source " + file, e);
    }
  }
}
