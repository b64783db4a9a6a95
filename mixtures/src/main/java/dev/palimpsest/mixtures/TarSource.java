package dev.palimpsest.mixtures;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.formats.TarFile;
import dev.palimpsest.mixtures.formats.TarFile.Member;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A WebDataset shard: neighbouring members with the same name up to the first dot are one example.
 * Pictures ({@code .jpg .jpeg .png .webp .gif}) in the order of the archive; {@code .json} gives
 * its object's fields; {@code .txt} and {@code .cls} a field of that name, without a line's end;
 * other members are passed over.
 *
 * <p>Opening goes through the heads once and keeps two numbers an example. The fingerprint covers
 * every member's name and size and every byte of the texts, but not the pictures' bytes.
 */
final class TarSource implements ExampleSource {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<String> PICTURES = Set.of("jpg", "jpeg", "png", "webp", "gif");
  private static final Set<String> TEXTS = Set.of("json", "txt", "cls");

  private final TarFile tar;

  /** Where each example's first head begins, and where what follows its last member. */
  private final long[] starts;

  private final long[] ends;
  private final String fingerprint;

  private TarSource(TarFile tar) throws IOException {
    this.tar = tar;
    long[] from = new long[1024];
    long[] to = new long[1024];
    int count = 0;
    String key = null;
    Digest digest = new Digest().add("tar 2");
    for (Member member = tar.next(0); member != null; member = tar.next(member.end())) {
      digest.add(member.name()).add(member.size());
      if (TEXTS.contains(ending(member))) {
        digest.add(ByteBuffer.wrap(tar.read(member)));
      }
      if (!key(member).equals(key)) {
        key = key(member);
        if (count == from.length) {
          from = Arrays.copyOf(from, 2 * count);
          to = Arrays.copyOf(to, 2 * count);
        }
        from[count++] = member.start();
      }
      to[count - 1] = member.end();
    }
    if (count == 0) {
      throw new MalformedFileException("source " + tar.path() + " holds no example");
    }
    starts = Arrays.copyOf(from, count);
    ends = Arrays.copyOf(to, count);
    fingerprint = digest.hex();
  }

  static TarSource open(Path file) {
    try {
      TarFile tar = TarFile.open(file);
      try {
        return new TarSource(tar);
      } catch (RuntimeException | IOException e) {
        tar.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + file, e);
    }
  }

  /** Folder and name up to the name's first dot. */
  private static String key(Member member) {
    int dot = member.name().indexOf('.', member.name().lastIndexOf('/') + 1);
    return dot < 0 ? member.name() : member.name().substring(0, dot);
  }

  private static String ending(Member member) {
    int dot = member.name().lastIndexOf('.');
    return member.name().substring(dot + 1).toLowerCase(Locale.ROOT);
  }

  @Override
  public long size() {
    return starts.length;
  }

  @Override
  public Row row(long index) {
    if (index < 0 || index >= starts.length) {
      throw new IndexOutOfBoundsException(
          "source %s has %d examples, no position %d".formatted(tar.path(), size(), index));
    }
    int position = (int) index;
    String shard = String.valueOf(tar.path().getFileName());
    List<ImageReference> images = new ArrayList<>();
    ObjectNode fields = JSON.createObjectNode();
    String key = "";
    try {
      for (Member member = tar.next(starts[position]);
          member != null && member.start() < ends[position];
          member = tar.next(member.end())) {
        key = key(member);
        String ending = ending(member);
        if (PICTURES.contains(ending)) {
          Member picture = member;
          images.add(new ImageReference(shard + "!" + member.name(), () -> tar.read(picture), 0));
        } else if (TEXTS.contains(ending)) {
          String text = text(member);
          if (ending.equals("json")) {
            fields.setAll(object(member, text));
          } else {
            fields.put(ending, withoutLineEnd(text));
          }
        }
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException(
          "%s, example %d: %s".formatted(tar.path(), index, e.getMessage()), e);
    }
    return new Row(shard + "!" + key, images, fields);
  }

  private String text(Member member) throws IOException {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(tar.read(member)))
          .toString();
    } catch (CharacterCodingException e) {
      throw new IOException(member.name() + " is not UTF-8", e);
    }
  }

  /** What programs that write a line leave behind it is no part of a caption. */
  private static String withoutLineEnd(String text) {
    return text.endsWith("\r\n")
        ? text.substring(0, text.length() - 2)
        : text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  private static ObjectNode object(Member member, String text) throws IOException {
    try {
      JsonNode node = JSON.readTree(text);
      if (node instanceof ObjectNode object) {
        return object;
      }
      throw new IOException(member.name() + " is no JSON object");
    } catch (JsonProcessingException e) {
      throw new IOException(member.name() + " is not JSON: " + e.getOriginalMessage(), e);
    }
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public void close() {
    try {
      tar.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close source " + tar.path(), e);
    }
  }
}
