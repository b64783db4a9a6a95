package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.configs.checks.Place;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A configuration as YAML with all defaults written out, as stored in a run folder. Equal values
 * give equal text, and a written recipe binds back to an equal value, without any variables.
 */
public final class ConfigYaml {
  private static final int LINE = 90;

  /** Replaces any path when deciding whether something fits on a line. */
  private static final String ANY_PATH = "/".repeat(40);

  private ConfigYaml() {}

  /** The whole recipe. */
  public static String write(PipelineConfig recipe) {
    return write((Record) recipe);
  }

  /**
   * The whole recipe, to be bound again elsewhere.
   *
   * @param variable the name of a variable
   * @param value strings that are this path, or a path below it, begin with the variable instead
   */
  public static String write(PipelineConfig recipe, String variable, String value) {
    StringBuilder out = new StringBuilder();
    block(relative(Canonical.of(recipe), variable, value), 0, out);
    return out.toString().stripLeading();
  }

  /** A text in which variables are not escaped. */
  private record Reference(String variable, String rest) {}

  private static Object relative(Object value, String variable, String folder) {
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> members = new LinkedHashMap<>();
      map.forEach((key, member) -> members.put(key, relative(member, variable, folder)));
      return members;
    }
    if (value instanceof List<?> list) {
      return list.stream().map(member -> relative(member, variable, folder)).toList();
    }
    return value instanceof String text && (text.equals(folder) || text.startsWith(folder + "/"))
        ? new Reference(variable, text.substring(folder.length()))
        : value;
  }

  /** One part of a recipe. */
  public static String write(Record config) {
    StringBuilder out = new StringBuilder();
    block(Canonical.of(config), 0, out);
    return out.toString().stripLeading();
  }

  /** One part of a recipe as maps, lists, strings, numbers and booleans, under its keys. */
  public static Object tree(Record config) {
    return Canonical.of(config);
  }

  /** A constant as recipes write it. */
  public static String word(Enum<?> constant) {
    return Scalars.word(constant);
  }

  /** A value on one line. */
  static String flow(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(entry -> scalar(entry.getKey()) + ": " + flow(entry.getValue()))
          .collect(Collectors.joining(", ", "{", "}"));
    }
    if (value instanceof List<?> list) {
      return list.stream().map(ConfigYaml::flow).collect(Collectors.joining(", ", "[", "]"));
    }
    return scalar(value);
  }

  /** Writes what follows a key's colon or a list's dash, line break included. */
  private static void block(Object value, int indent, StringBuilder out) {
    String line = flow(value);
    if (isFlat(value) && indent > 0 && indent + flow(anywhere(value)).length() < LINE) {
      out.append(' ').append(line).append('\n');
    } else if (value instanceof Map<?, ?> map && !map.isEmpty()) {
      out.append('\n');
      map.forEach((key, member) -> entry(key, member, indent, out));
    } else if (value instanceof List<?> list && !list.isEmpty()) {
      out.append('\n');
      for (Object member : list) {
        StringBuilder text = new StringBuilder();
        block(member, indent + 2, text);
        out.append(" ".repeat(indent)).append("- ").append(text.toString().stripLeading());
      }
    } else {
      out.append(' ').append(line).append('\n');
    }
  }

  /**
   * A value with all paths made equal. Line breaks must not depend on the location of a run: equal
   * recipes in two run folders give texts that only differ by the folder's name.
   */
  private static Object anywhere(Object value) {
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> members = new LinkedHashMap<>();
      map.forEach((key, member) -> members.put(key, anywhere(member)));
      return members;
    }
    if (value instanceof List<?> list) {
      return list.stream().map(ConfigYaml::anywhere).toList();
    }
    boolean path =
        value instanceof Reference
            || (value instanceof String text && (text.contains("/") || text.contains("\\")));
    return path ? ANY_PATH : value;
  }

  private static void entry(Object key, Object value, int indent, StringBuilder out) {
    out.append(" ".repeat(indent)).append(scalar(key)).append(':');
    block(value, indent + 2, out);
  }

  private static boolean isFlat(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.values().stream().noneMatch(member -> member instanceof Map && !isEmpty(member));
    }
    return !(value instanceof List<?> list)
        || list.stream().noneMatch(member -> member instanceof Map || member instanceof List);
  }

  private static boolean isEmpty(Object map) {
    return ((Map<?, ?>) map).isEmpty();
  }

  private static String scalar(Object value) {
    if (value instanceof Double number) {
      return Numbers.write(number);
    }
    if (value instanceof Reference reference) {
      String text = "${" + reference.variable + "}" + Variables.escape(reference.rest);
      return "'" + text.replace("'", "''") + "'";
    }
    return value instanceof String text ? string(Variables.escape(text)) : value.toString();
  }

  private static String string(String text) {
    if (text.matches("[A-Za-z0-9_./][A-Za-z0-9_./+-]*")
        && YamlReader.value(text, Place.all(""), new ArrayList<>()) instanceof Node.Scalar read
        && read.kind() == Node.Kind.STRING) {
      return text;
    }
    if (text.codePoints().allMatch(ConfigYaml::isPlain)) {
      return "'" + text.replace("'", "''") + "'";
    }
    StringBuilder quoted = new StringBuilder("\"");
    text.codePoints()
        .forEach(
            c -> {
              if (c == '"' || c == '\\') {
                quoted.append('\\').append((char) c);
              } else if (c == '\n') {
                quoted.append("\\n");
              } else if (isPlain(c)) {
                quoted.appendCodePoint(c);
              } else {
                quoted.append(String.format(Locale.ROOT, "\\U%08x", c));
              }
            });
    return quoted.append('"').toString();
  }

  private static boolean isPlain(int c) {
    return (c >= ' ' && c <= '~') || Character.isLetterOrDigit(c);
  }
}
