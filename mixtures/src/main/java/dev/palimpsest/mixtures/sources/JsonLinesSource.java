package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.FileBytes;
import dev.palimpsest.mixtures.formats.JsonValues;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.formats.TextFile;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One JSON object per line, in UTF-8, with {@code image} or {@code images} (a file name or a list
 * of them; may be absent) and the fields that the task reads, as in PaliGemma's published
 * fine-tuning format. A picture may also be an object with {@code path} or {@code bytes} (base64),
 * like Hugging Face's {@code Image}. Empty lines are skipped.
 *
 * <p>A row that has its picture only under a name that is not read is bad, and a source of such
 * rows is refused, because it would train on text alone.
 *
 * <p>Only the offsets of the lines are kept in memory; a line is read on demand. Image names are
 * relative to the images folder and may not leave it through {@code ..}; absolute names are
 * allowed, as in the published files.
 *
 * <p>The fingerprint covers every byte of the file and, for every image, its name and size in bytes
 * (-1 if it is missing), but not its pixels: replacing a picture by another of the same length goes
 * unnoticed.
 */
final class JsonLinesSource implements ExampleSource {
  private static final Logger log = LoggerFactory.getLogger(JsonLinesSource.class);
  private static final ObjectReader JSON =
      Json.PYTHON.readerFor(JsonNode.class).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final List<String> USUAL_PICTURES = List.of("image", "images");

  /** Other names that datasets use for pictures. */
  private static final Set<String> LIKE_PICTURES =
      Set.of(
          "file_name",
          "filename",
          "image_path",
          "image_paths",
          "image_file",
          "image_name",
          "image_url",
          "image_urls",
          "img",
          "imgs",
          "img_path",
          "img_url",
          "picture",
          "pictures",
          "photo",
          "photos");

  private static final Pattern PICTURE_FILE =
      Pattern.compile("\\S+\\.(?:jpe?g|png|webp|gif|bmp|tiff?)", Pattern.CASE_INSENSITIVE);

  /** The most bytes of a line; a longer one is not a row of prompt and target. */
  private static final long LONGEST = 1 << 26;

  /** The number of rows that are examined on opening, evenly spread. */
  private static final int LOOKED_AT = 100;

  private static final int CHUNK = 1 << 16;

  private final FileBytes file;
  private final Path images;

  /** Fields that contain pictures; empty: the usual ones. */
  private final List<String> pictures;

  /** Start of each example's line. */
  private final long[] offsets;

  /** 1-based line of each example, which differs from its position if there are empty lines. */
  private final int[] lines;

  private final Object fingerprintLock = new Object();
  private @Nullable String fingerprint;

  private JsonLinesSource(FileBytes file, Path images, List<String> pictures) throws IOException {
    this.file = file;
    this.images = images;
    this.pictures = List.copyOf(pictures);
    long[] starts = new long[1024];
    int[] numbers = new int[1024];
    int count = 0;
    long start = TextFile.start(file);
    int line = 1;
    boolean blank = true;
    for (long at = start; at <= file.size(); ) {
      int length = (int) Math.min(CHUNK, file.size() - at);
      byte[] chunk = length > 0 ? file.bytes(at, length) : new byte[] {'\n'}; // the last line's end
      for (byte b : chunk) {
        at++;
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
      }
    }
    offsets = Arrays.copyOf(starts, count);
    lines = Arrays.copyOf(numbers, count);
    if (count > 0) {
      refuseOtherJson();
      lookForPictures();
    }
  }

  /**
   * Opens a file.
   *
   * @param images folder that image names are relative to
   * @param pictures fields that contain pictures, with dots for nested objects; if empty, {@code
   *     image} or {@code images}
   */
  static JsonLinesSource open(Path file, Path images, List<String> pictures) {
    try {
      FileBytes bytes = FileBytes.open(file);
      try {
        return new JsonLinesSource(bytes, images, pictures);
      } catch (RuntimeException | IOException e) {
        bytes.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + file, e);
    }
  }

  /**
   * Recognises the two other forms in which files contain objects: one array, and objects over
   * several lines.
   */
  private void refuseOtherJson() throws IOException {
    String first = edge(offsets[0]).strip();
    String last = edge(Math.max(offsets[0], file.size() - CHUNK)).strip();
    String form =
        first.startsWith("[") && last.endsWith("]")
            ? "a JSON array"
            : offsets.length > 1 && firstLine(first).equals("{") ? "JSON over several lines" : "";
    if (!form.isEmpty()) {
      throw new MalformedFileException(
          "source %s: %s; expected one object per line (jq -c '%s' converts it)"
              .formatted(file.path(), form, form.endsWith("array") ? ".[]" : "."));
    }
  }

  private String edge(long from) throws IOException {
    int length = (int) Math.min(CHUNK, file.size() - from);
    return new String(file.bytes(from, length), StandardCharsets.ISO_8859_1);
  }

  private static String firstLine(String text) {
    return text.lines().findFirst().orElse("").strip();
  }

  /** Logs if rows have no pictures, and refuses a file whose rows have them under other names. */
  private void lookForPictures() {
    int rows = Math.min(LOOKED_AT, offsets.length);
    String unread = "";
    for (int i = 0; i < rows; i++) {
      try {
        ObjectNode line = parse((int) ((long) i * offsets.length / rows));
        if (!pictureFields(line).isEmpty()) {
          return;
        }
        unread = unread.isEmpty() ? unreadPicture(line).orElse("") : unread;
      } catch (BadExampleException e) {
        return; // reported when the row is used
      }
    }
    if (!unread.isEmpty()) {
      throw new MalformedFileException(
          "source %s: no row has a picture in %s, but rows have %s, which looks like one; read it"
                  .formatted(file.path(), String.join(" or ", pictureNames()), unread)
              + " with 'fields: {image: %s}'".formatted(unread.split(" ", 2)[0]));
    }
    String told =
        "source {}: no picture in the {} rows that were examined; its examples are text alone";
    if (pictures.isEmpty()) {
      log.info(told, file.path(), rows);
    } else {
      log.warn(told + "; the recipe says that pictures are in {}", file.path(), rows, pictures);
    }
  }

  private List<String> pictureNames() {
    return pictures.isEmpty() ? USUAL_PICTURES : pictures;
  }

  /** The fields of a row that contain pictures and are read. */
  private List<String> pictureFields(ObjectNode line) {
    return pictureNames().stream().filter(name -> !isNone(Fields.at(line, name))).toList();
  }

  private static boolean isNone(JsonNode node) {
    return node.isMissingNode() || node.isNull() || (node.isArray() && node.isEmpty());
  }

  /** A field that looks like a picture and is not read, with its value. */
  private Optional<String> unreadPicture(ObjectNode line) {
    for (Map.Entry<String, JsonNode> field : line.properties()) {
      JsonNode value = field.getValue().isArray() ? field.getValue().path(0) : field.getValue();
      boolean named = LIKE_PICTURES.contains(field.getKey().toLowerCase(Locale.ROOT));
      boolean picture =
          value.isTextual()
              ? PICTURE_FILE.matcher(value.textValue()).matches()
                  || (named && !value.textValue().isBlank())
              : named && (value.has("path") || value.has("bytes"));
      if (picture && !pictureNames().contains(field.getKey())) {
        return Optional.of(field.getKey() + " " + JsonValues.abridged(value));
      }
    }
    return Optional.empty();
  }

  @Override
  public long size() {
    return offsets.length;
  }

  @Override
  public Row row(long index) {
    if (index < 0 || index >= offsets.length) {
      throw new IndexOutOfBoundsException(
          "source %s has %d examples, no position %d"
              .formatted(file.path(), offsets.length, index));
    }
    int position = (int) index;
    ObjectNode line = parse(position);
    return new Row(where(position), images(position, line), line);
  }

  private List<ImageReference> images(int position, ObjectNode line) {
    List<String> fields = pictureFields(line);
    if (fields.isEmpty()) {
      unreadPicture(line)
          .ifPresent(
              unread -> {
                throw bad(
                    position,
                    "it has no picture in %s, but %s, which looks like one"
                        .formatted(String.join(" or ", pictureNames()), unread),
                    null);
              });
    } else if (pictures.isEmpty() && fields.size() > 1) {
      throw bad(
          position,
          "it has both image and images; say which holds the pictures with 'fields: {image: ...}'",
          null);
    }
    List<ImageReference> references = new ArrayList<>();
    for (String field : fields) {
      for (JsonNode image : list(Fields.at(line, field))) {
        references.add(reference(position, field, image));
      }
    }
    return references;
  }

  private static Iterable<JsonNode> list(JsonNode node) {
    return node.isArray() ? node : List.of(node);
  }

  /** A picture: a name, or an object with path or bytes. */
  private ImageReference reference(int position, String field, JsonNode image) {
    try {
      if (image.path("bytes").isTextual()) {
        byte[] bytes = Base64.getMimeDecoder().decode(image.path("bytes").textValue());
        return new ImageReference(where(position) + "!" + field, bytes::clone, 0);
      }
      JsonNode name = image.isObject() ? image.path("path") : image;
      if (!name.isTextual()) {
        throw bad(
            position,
            "%s must be a text, found %s".formatted(field, JsonValues.abridged(image)),
            null);
      }
      return ImageReference.file(SourceFiles.picture(images, name.textValue()));
    } catch (IllegalArgumentException e) {
      throw bad(position, String.valueOf(e.getMessage()), e);
    }
  }

  private ObjectNode parse(int position) {
    long end = position + 1 < offsets.length ? offsets[position + 1] : file.size();
    long length = end - offsets[position];
    if (length > LONGEST) {
      throw bad(position, "a line of %d bytes; the limit is %d".formatted(length, LONGEST), null);
    }
    try {
      ByteBuffer bytes = file.read(offsets[position], (int) length);
      JsonNode node = JSON.readTree(StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
      if (!(node instanceof ObjectNode object)) {
        throw bad(position, "expected a JSON object, found " + JsonValues.abridged(node), null);
      }
      return object;
    } catch (CharacterCodingException e) {
      throw bad(position, "it is not UTF-8", e);
    } catch (MismatchedInputException e) {
      throw bad(position, "it is not one JSON object: another value follows on the same line", e);
    } catch (JsonProcessingException e) {
      throw bad(position, "it is not one JSON object: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw bad(position, "it cannot be read: " + e.getMessage(), e);
    }
  }

  /** Names a line in the style of compilers. */
  private String where(int position) {
    return file.path().getFileName() + ":" + lines[position];
  }

  private BadExampleException bad(int position, String what, @Nullable Throwable cause) {
    return new BadExampleException(file.path() + ":" + lines[position] + ": " + what, cause);
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
    SourceFiles.addWhole(digest, file.path());
    for (int position = 0; position < offsets.length; position++) {
      try {
        ObjectNode line = parse(position);
        for (String field : pictureFields(line)) {
          for (JsonNode image : list(Fields.at(line, field))) {
            JsonNode name = image.isObject() ? image.path("path") : image;
            if (name.isTextual()) {
              Path picture = SourceFiles.picture(images, name.textValue());
              SourceFiles.addPicture(digest, name.textValue(), picture);
            }
          }
        }
      } catch (BadExampleException | IllegalArgumentException e) {
        digest.add(
            -2); // its bytes are covered already, and the reader of the row reports that it is bad
      }
    }
    return digest.hex();
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close source " + file.path(), e);
    }
  }
}
