package dev.palimpsest.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import org.jspecify.annotations.Nullable;

/** The two kinds of JSON that are read and written; no other class makes a mapper of its own. */
public final class Json {
  /**
   * JSON by the standard, and an object may name a member only once, so that two readers cannot see
   * different values. For the project's own files and for formats that are defined as standard
   * JSON, such as the header of safetensors.
   */
  public static final JsonMapper STRICT =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /**
   * JSON as Python's {@code json} module writes and reads it: {@code NaN} and {@code Infinity} are
   * numbers, and of two members with the same name the last one counts. For data, predictions and
   * configurations that other programs wrote.
   */
  public static final JsonMapper PYTHON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private Json() {}

  /** A number as JSON has it: null for NaN and the infinities, which JSON lacks. */
  public static @Nullable Double number(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** A value as indented text that ends with a line feed, for files that people read. */
  public static String indented(Object value) {
    try {
      return STRICT.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value)
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("cannot be written as JSON: " + value.getClass(), e);
    }
  }
}
