package dev.palimpsest.checkpoints.published;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.checks.PlaceholderFile;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A section of a {@code config.json}, or the whole file. Fields that cannot be read are reported
 * and get their default.
 *
 * @param where the section's name; empty for the whole file
 * @param problems receives what is wrong
 */
record ConfigSection(JsonNode node, String where, List<Problem> problems) {
  /** No config.json is longer; longer files are not read. */
  private static final long MAX_BYTES = 16 << 20;

  /** Blocks of the deepest model that is read; the deepest Gemma has 46. */
  private static final int MAX_DEPTH = 1000;

  /**
   * Reads a file. NaN, which Python's writers emit, is read here and refused where it is used.
   *
   * @throws CheckpointFormatException when it is not a JSON object, or too long
   * @throws UncheckedIOException when it cannot be read
   */
  static JsonNode json(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new CheckpointFormatException(
            Kind.FOREIGN,
            file,
            "has %d bytes, more than any config.json".formatted(Files.size(file)));
      }
      JsonNode root = Json.PYTHON.readTree(Files.readAllBytes(file));
      if (!root.isObject()) {
        throw new CheckpointFormatException(
            Kind.CORRUPT, file, PlaceholderFile.reason(file).orElse("is not a JSON object"));
      }
      return root;
    } catch (JsonProcessingException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          file,
          PlaceholderFile.reason(file).orElse("is not JSON: " + e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  /** Whether the file does not have the section. */
  boolean absent() {
    return node.isMissingNode() || node.isNull();
  }

  /** A field as it stands; missing if there is none. */
  JsonNode value(String field) {
    return node.path(field);
  }

  /** Reports a mistake of a field, or of the whole section if the name is empty. */
  void problem(String field, String message) {
    problems.add(
        new Problem(
            where.isEmpty() || field.isEmpty() ? where + field : where + "." + field, message));
  }

  /** Absent and null mean the default. */
  void oneOf(String field, String standard, List<String> accepted) {
    String found = value(field).asText(standard);
    if (node.hasNonNull(field) && !accepted.contains(found)) {
      problem(
          field,
          "must be %s, got %s"
              .formatted(
                  String.join(" or ", accepted),
                  value(field).isTextual() ? found : shortened(value(field))));
    }
  }

  /** Absent and null mean the default. */
  int integer(String field, int standard) {
    return integer(field, standard, standard);
  }

  /** The number of blocks. */
  int depth(int standard) {
    int depth = integer("num_hidden_layers", standard);
    if (depth > MAX_DEPTH) {
      problem("num_hidden_layers", "must be at most %d, got %d".formatted(MAX_DEPTH, depth));
      return standard;
    }
    return depth;
  }

  /**
   * A whole number; sides may be a list of two that are equal.
   *
   * @param absent the value if the field is absent or wrong
   * @param none the value if the field is null
   */
  int integer(String field, int absent, int none) {
    JsonNode value = value(field);
    if (value.isArray() && value.size() == 2 && value.get(0).equals(value.get(1))) {
      value = value.get(0);
    }
    if (value.isMissingNode() || value.isNull()) {
      return value.isNull() ? none : absent;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      problem(field, "must be a whole number below 2^31, got " + shortened(value));
      return absent;
    }
    return value.intValue();
  }

  /** Absent means the default, null means none. */
  double real(String field, double standard) {
    JsonNode value = value(field);
    if (value.isMissingNode() || value.isNull()) {
      return value.isNull() ? 0 : standard;
    }
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      problem(field, "must be a number, got " + shortened(value));
      return standard;
    }
    return value.doubleValue();
  }

  /** A value as messages show it. */
  static String shortened(JsonNode node) {
    String text = node.toString();
    return text.length() <= 120 ? text : text.substring(0, 120) + "...";
  }
}
