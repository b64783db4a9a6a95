package dev.palimpsest.checkpoints;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The contents of a training checkpoint: {@code manifest.json}, written last.
 *
 * <p>Version 1 of the format: a folder with one safetensors file per group of arrays (float32, our
 * names) and the manifest,
 *
 * <pre>
 * {
 * "sha256": "of the bytes of content",
 * "content": {"format": "palimpsest-checkpoint", "version": 1,
 *             "files": [{"name": "parameters.safetensors", "bytes": 123, "sha256": "..."}],
 *             "facts": {...}}
 * }
 * </pre>
 *
 * @param version version of the format
 * @param files every file but the manifest
 * @param facts what the writer records of the checkpoint: counts, config, parents
 */
public record CheckpointManifest(int version, List<Entry> files, Map<String, Object> facts) {
  /** The version written; earlier ones are read. */
  public static final int VERSION = 1;

  static final String FILE = "manifest.json";

  private static final String FORMAT = "palimpsest-checkpoint";
  private static final String BEFORE_HASH = "{\n\"sha256\": \"";
  private static final String BEFORE_CONTENT = "\",\n\"content\": ";
  private static final String END = "\n}\n";
  private static final long MAX_BYTES = 64 << 20;

  /**
   * A file of the checkpoint.
   *
   * @param name in the checkpoint's folder
   * @param bytes its size
   * @param sha256 in hexadecimal
   */
  public record Entry(String name, long bytes, String sha256) {}

  /** Keeps unmodifiable copies. */
  public CheckpointManifest {
    files = List.copyOf(files);
    facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
  }

  byte[] toBytes() {
    ObjectNode content = Json.STRICT.createObjectNode();
    content.put("format", FORMAT).put("version", version);
    ArrayNode list = content.putArray("files");
    for (Entry file : files) {
      list.addObject().put("name", file.name).put("bytes", file.bytes).put("sha256", file.sha256);
    }
    content.set("facts", Json.STRICT.valueToTree(facts));
    byte[] body = content.toPrettyString().getBytes(StandardCharsets.UTF_8);
    String head =
        BEFORE_HASH + HexFormat.of().formatHex(ContentHash.sha256().digest(body)) + BEFORE_CONTENT;
    return (head + new String(body, StandardCharsets.UTF_8) + END).getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads the manifest of a folder without checking the files it lists.
   *
   * @throws CheckpointFormatException when it is damaged, of a later version, or not a manifest
   */
  static CheckpointManifest read(Path folder) {
    Path file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      throw new CheckpointFormatException(
          Kind.FOREIGN, folder, "is not a training checkpoint: it has no " + FILE);
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new CheckpointFormatException(
            Kind.FOREIGN, file, "is not a manifest: it has " + Files.size(file) + " bytes");
      }
      return parse(file, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  private static CheckpointManifest parse(Path file, byte[] bytes) {
    JsonNode root;
    try {
      root = Json.STRICT.readTree(bytes);
    } catch (IOException e) {
      String why = e instanceof JsonProcessingException j ? j.getOriginalMessage() : "";
      throw new CheckpointFormatException(Kind.CORRUPT, file, "is damaged: " + why, e);
    }
    JsonNode content = root.path("content");
    if (!content.path("format").asText().equals(FORMAT)) {
      throw new CheckpointFormatException(
          Kind.FOREIGN, file, "is not the manifest of a training checkpoint");
    }
    int version = content.path("version").asInt();
    if (version > VERSION) {
      throw new CheckpointFormatException(
          Kind.TOO_NEW,
          file,
          "has format version %d, this program reads up to %d; update it"
              .formatted(version, VERSION));
    }
    int start = BEFORE_HASH.length() + 64 + BEFORE_CONTENT.length();
    int end = bytes.length - END.length();
    String hash =
        end < start
            ? ""
            : HexFormat.of()
                .formatHex(ContentHash.sha256().digest(Arrays.copyOfRange(bytes, start, end)));
    if (version < 1 || !hash.equals(root.path("sha256").asText())) {
      throw new CheckpointFormatException(
          Kind.CORRUPT, file, "is damaged: its content does not have the SHA-256 it states");
    }
    List<Entry> files = new ArrayList<>();
    for (JsonNode entry : content.path("files")) {
      files.add(
          new Entry(
              entry.path("name").asText(),
              entry.path("bytes").asLong(),
              entry.path("sha256").asText()));
    }
    Map<String, Object> facts =
        Json.STRICT.convertValue(content.path("facts"), new TypeReference<>() {});
    return new CheckpointManifest(version, files, facts);
  }
}
