package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads single values of a recipe: texts, truth values, numbers, and constants of enums. Nothing is
 * converted silently: a quoted number is a text, and {@code no} is not {@code false}.
 */
final class Scalars {
  private final Variables variables;
  private final Mistakes mistakes;

  /** Takes mistakes as they are found. */
  @FunctionalInterface
  interface Mistakes {
    void found(String path, String message);
  }

  /**
   * Creates a reader.
   *
   * @param variables that texts may contain
   */
  Scalars(Variables variables, Mistakes mistakes) {
    this.variables = variables;
    this.mistakes = mistakes;
  }

  /**
   * Reads one value.
   *
   * @param type of a record's component
   * @return null, with a mistake, when it is not such a value
   * @throws IllegalArgumentException when recipes have no values of the type
   */
  @Nullable Object read(Class<?> type, Node node, String path) {
    if (type.isEnum()) {
      return constant(type, node, path);
    }
    if (type == String.class) {
      return string(node, path);
    }
    if (type == boolean.class || type == Boolean.class) {
      return bool(node, path);
    }
    if (type == int.class || type == Integer.class) {
      return whole(node, path, Integer.MAX_VALUE).map(BigDecimal::intValueExact).orElse(null);
    }
    if (type == long.class || type == Long.class) {
      return whole(node, path, Long.MAX_VALUE).map(BigDecimal::longValueExact).orElse(null);
    }
    if (type == double.class || type == Double.class) {
      return real(node, path);
    }
    throw new IllegalArgumentException("recipes have no " + type.getName() + " (" + path + ")");
  }

  /** A text whose variables are filled in; null, with a mistake, if it is not a text. */
  @Nullable String string(Node node, String path) {
    if (!(node instanceof Node.Scalar scalar) || scalar.kind() != Node.Kind.STRING) {
      String help =
          node instanceof Node.Scalar scalar && !node.isNull()
              ? "; to mean the text, put it in quotes: '" + Problem.brief(scalar.text()) + "'"
              : "";
      mistakes.found(path, "must be a string, got " + node.describe() + help);
      return null;
    }
    List<String> unfilled = new ArrayList<>();
    String filled = variables.fillIn(scalar.text(), unfilled::add);
    unfilled.forEach(mistake -> mistakes.found(path, mistake));
    return unfilled.isEmpty() ? filled : null;
  }

  private @Nullable Boolean bool(Node node, String path) {
    if (node instanceof Node.Scalar scalar
        && scalar.kind() == Node.Kind.BOOLEAN
        && (scalar.text().equals("true") || scalar.text().equals("false"))) {
      return scalar.text().equals("true");
    }
    expected(path, "true or false", node);
    return null;
  }

  private @Nullable Object constant(Class<?> type, Node node, String path) {
    Map<String, Object> known = new LinkedHashMap<>();
    for (Object constant : type.getEnumConstants()) {
      known.put(word((Enum<?>) constant), constant);
    }
    if (!(node instanceof Node.Scalar scalar) || node.isNull()) {
      expected(path, "one of " + String.join(", ", known.keySet()), node);
      return null;
    }
    Object constant = known.get(scalar.text());
    if (constant == null) {
      mistakes.found(
          path,
          "must be one of "
              + String.join(", ", known.keySet())
              + ", got '"
              + Problem.brief(scalar.text())
              + "'"
              + Suggestion.nearest(scalar.text(), known.keySet())
                  .map(near -> "; did you mean '" + near + "'?")
                  .orElse(""));
    }
    return constant;
  }

  /** A constant as recipes write it: {@code big_vision}. */
  static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private Optional<BigDecimal> whole(Node node, String path, long largest) {
    Optional<BigDecimal> value = number(node, path, "a whole number");
    if (value.isEmpty()) {
      return value;
    }
    String text = ((Node.Scalar) node).text();
    value = Numbers.parseWhole(text);
    if (value.isEmpty()) {
      expected(path, "a whole number", node);
    } else if (value.get().abs().compareTo(BigDecimal.valueOf(largest)) > 0) {
      mistakes.found(path, "must be at most " + largest + ", got " + Problem.brief(text));
      return Optional.empty();
    }
    return value;
  }

  private @Nullable Double real(Node node, String path) {
    Optional<BigDecimal> number = number(node, path, "a number");
    if (number.isEmpty()) {
      return null;
    }
    double value = number.get().doubleValue() + 0.0; // -0.0 and 0.0 are one setting
    if (Double.isInfinite(value)) {
      expected(path, "a finite number", node);
      return null;
    }
    if (value == 0 && number.get().signum() != 0) {
      expected(path, "0 or a number that is not lost against 0", node);
      return null;
    }
    return value;
  }

  private Optional<BigDecimal> number(Node node, String path, String wanted) {
    if (!(node instanceof Node.Scalar scalar) || scalar.kind() != Node.Kind.NUMBER) {
      String help =
          node instanceof Node.Scalar scalar && Numbers.looksLikeOne(scalar.text())
              ? "; remove the quotes"
              : "";
      mistakes.found(path, "must be " + wanted + ", got " + node.describe() + help);
      return Optional.empty();
    }
    Optional<BigDecimal> value = Numbers.parse(scalar.text());
    if (value.isEmpty()) {
      mistakes.found(
          path,
          "must be "
              + wanted
              + " in decimal, got "
              + Problem.brief(scalar.text())
              + (scalar.text().matches("[-+]?0[0-9_]+")
                  ? ", which YAML reads in base 8; leave the leading 0 out"
                  : ""));
    }
    return value;
  }

  private void expected(String path, String wanted, Node node) {
    mistakes.found(path, "must be " + wanted + ", got " + node.describe());
  }
}
