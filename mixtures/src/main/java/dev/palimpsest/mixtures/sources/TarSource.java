package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.TarFile;
import dev.palimpsest.mixtures.formats.TarFile.Member;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A WebDataset shard. A member's key is its name up to the first dot after the last slash, and its
 * part is everything after that dot, in lower case: {@code train/000.left.png} is part {@code
 * left.png} of {@code train/000} (webdataset, {@code tariterators.base_plus_ext}). Adjacent members
 * with the same key form one example, in which a part may occur once. Names without a key ({@code
 * README}, {@code .DS_Store}, the {@code ._000.jpg} of macOS) and webdataset's {@code __meta__}
 * members are skipped.
 *
 * <p>Pictures are the parts that the recipe names, or otherwise those that end in {@code .jpg .jpeg
 * .png .webp .gif .bmp .tif .tiff}, in the order of the archive. Of the others, {@code json}
 * provides its object's fields, and {@code txt}, {@code cls} and parts that end in these or in
 * {@code .json} are fields with the part's name, texts without the final line break; the rest is
 * ignored.
 *
 * <p>Opening reads the headers once and keeps two numbers per example. The fingerprint covers every
 * member's name and size and every byte of the texts, but not the bytes of pictures.
 */
final class TarSource implements ExampleSource {
  private static final Logger log = LoggerFactory.getLogger(TarSource.class);
  private static final Set<String> PICTURES =
      Set.of("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff");
  private static final Set<String> TEXTS = Set.of("json", "txt", "cls");

  /** The most bytes of a text, which is read as a whole. */
  private static final long LONGEST_TEXT = 1 << 26;

  private final TarFile tar;

  /** Parts that are pictures, each with its alternatives; empty: determined by their suffix. */
  private final List<List<String>> pictures;

  /** Where each example's first header begins, and where its last member ends. */
  private final long[] starts;

  private final long[] ends;
  private final String fingerprint;

  /** A member's name as WebDataset interprets it. */
  private record Name(String key, String part) {
    private static final Pattern META = Pattern.compile("__[^/]*__(?:/|$)");

    /** Null if there is no key. */
    static @Nullable Name of(Member member) {
      String name = member.name();
      int step = name.lastIndexOf('/') + 1;
      int dot = name.indexOf('.', step);
      return dot <= step || META.matcher(name).lookingAt()
          ? null
          : new Name(name.substring(0, dot), name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    /** The text after the last dot. */
    String ending() {
      return part.substring(part.lastIndexOf('.') + 1);
    }
  }

  private TarSource(TarFile tar, List<String> pictures) throws IOException {
    this.tar = tar;
    this.pictures =
        pictures.stream()
            .map(part -> List.of(part.toLowerCase(Locale.ROOT).split(";", -1)))
            .toList();
    long[] from = new long[1024];
    long[] to = new long[1024];
    int count = 0;
    String key = null;
    long keyless = 0;
    String firstKeyless = "";
    Member last = null;
    Digest digest = new Digest().add("tar 2");
    for (Member member = tar.next(0); member != null; member = tar.next(member.end())) {
      last = member;
      Name name = Name.of(member);
      if (name == null) {
        firstKeyless = keyless++ == 0 ? member.name() : firstKeyless;
        continue;
      }
      digest.add(member.name()).add(member.size());
      if (TEXTS.contains(name.ending()) && member.size() <= LONGEST_TEXT) {
        digest.add(ByteBuffer.wrap(tar.read(member)));
      }
      if (!name.key().equals(key)) {
        key = name.key();
        if (count == from.length) {
          from = Arrays.copyOf(from, 2 * count);
          to = Arrays.copyOf(to, 2 * count);
        }
        from[count++] = member.start();
      }
      to[count - 1] = member.end();
    }
    if (keyless > 0) {
      log.warn(
          "source {}: {} members have no key (a name, a dot, a part) and are skipped; the first"
              + " is {}",
          tar.path(),
          keyless,
          firstKeyless);
    }
    if (last != null && !tar.isFollowed(last)) {
      log.warn("source {} has no end marker; it may be truncated", tar.path());
    }
    starts = Arrays.copyOf(from, count);
    ends = Arrays.copyOf(to, count);
    fingerprint = digest.hex();
  }

  /**
   * Opens a shard.
   *
   * @param pictures parts that are pictures, in the order in which examples show them; {@code
   *     jpg;png} means whichever of the two exists. Empty: all parts with a picture's suffix
   */
  static TarSource open(Path file, List<String> pictures) {
    try {
      TarFile tar = TarFile.open(file);
      try {
        return new TarSource(tar, pictures);
      } catch (RuntimeException | IOException e) {
        tar.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + file, e);
    }
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
    Map<String, Member> parts = new LinkedHashMap<>();
    String key = "";
    try {
      for (Member member = tar.next(starts[position]);
          member != null && member.start() < ends[position];
          member = tar.next(member.end())) {
        Name name = Name.of(member);
        if (name == null) {
          continue;
        }
        key = name.key();
        if (parts.put(name.part(), member) != null) {
          throw new IOException("%s has the part %s twice".formatted(key, name.part()));
        }
      }
      List<String> pictureParts = pictureParts(parts.keySet());
      List<ImageReference> images = new ArrayList<>();
      for (String part : pictureParts) {
        Member picture = parts.remove(part);
        if (picture != null) {
          images.add(new ImageReference(shard + "!" + picture.name(), () -> tar.read(picture), 0));
        }
      }
      return new Row(shard + "!" + key, images, fields(parts));
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException(
          "%s, example %d: %s".formatted(tar.path(), index, e.getMessage()), e);
    }
  }

  /** The parts of an example that are its pictures, in order. */
  private List<String> pictureParts(Set<String> parts) throws IOException {
    List<String> chosen = new ArrayList<>();
    if (pictures.isEmpty()) {
      parts.stream()
          .filter(part -> PICTURES.contains(part.substring(part.lastIndexOf('.') + 1)))
          .forEach(chosen::add);
      return chosen;
    }
    for (List<String> alternatives : pictures) {
      List<String> there = alternatives.stream().filter(parts::contains).toList();
      if (there.size() != 1) {
        throw new IOException(
            "it should have %s %s, but has %s"
                .formatted(
                    alternatives.size() == 1 ? "the part" : "one of",
                    String.join(";", alternatives),
                    parts));
      }
      chosen.add(there.get(0));
    }
    return chosen;
  }

  private ObjectNode fields(Map<String, Member> parts) throws IOException {
    ObjectNode fields = JsonNodeFactory.instance.objectNode();
    for (Map.Entry<String, Member> entry : parts.entrySet()) {
      String part = entry.getKey();
      Member member = entry.getValue();
      String ending = part.substring(part.lastIndexOf('.') + 1);
      if (part.equals("json")) {
        if (!(json(member) instanceof ObjectNode object)) {
          throw new IOException(member.name() + " is not a JSON object");
        }
        fields.setAll(object);
      } else if (ending.equals("json")) {
        fields.set(part, json(member));
      } else if (TEXTS.contains(ending)) {
        fields.put(part, withoutLineEnd(decoded(member)));
      }
    }
    return fields;
  }

  private String decoded(Member member) throws IOException {
    if (member.size() > LONGEST_TEXT) {
      throw new IOException(
          "%s has %d bytes, more than a text of an example (%d)"
              .formatted(member.name(), member.size(), LONGEST_TEXT));
    }
    try {
      ByteBuffer bytes = ByteBuffer.wrap(tar.read(member));
      String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
      return text.startsWith("\ufeff") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new IOException(member.name() + " is not UTF-8", e);
    }
  }

  /** The line break that programs write after a text is not part of a caption. */
  private static String withoutLineEnd(String text) {
    return text.endsWith("\r\n")
        ? text.substring(0, text.length() - 2)
        : text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  private JsonNode json(Member member) throws IOException {
    try {
      JsonNode json = Json.PYTHON.readTree(decoded(member));
      if (json.isMissingNode()) {
        throw new IOException(member.name() + " is empty");
      }
      return json;
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
