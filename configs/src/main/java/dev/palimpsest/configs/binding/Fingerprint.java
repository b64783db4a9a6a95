package dev.palimpsest.configs.binding;

import dev.palimpsest.files.ContentHash;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Identifies configurations by value. Two that bind to equal values have the same fingerprint,
 * however they were written: order of keys, defaults omitted or written out, presets, anchors.
 *
 * <p>The canonical form is one line: the record's name, then its value with keys sorted, every
 * default explicit and absent values left out. Adding a component to a record therefore changes the
 * fingerprints of its values, so that nothing that was computed with another meaning counts as
 * equal.
 */
public final class Fingerprint {
  private Fingerprint() {}

  /** SHA-256 of the canonical form, 64 hexadecimal digits. */
  public static String of(Record config) {
    return ContentHash.of(config.getClass().getSimpleName() + sorted(Canonical.of(config)));
  }

  /** SHA-256 of {@link #values}, or of some of them, in any order. */
  public static String of(Map<String, String> values) {
    return ContentHash.of(sorted(values));
  }

  /** A part of a recipe as YAML on one line. */
  public static String text(Object config) {
    return ConfigYaml.flow(Canonical.of(config));
  }

  /** The same for messages: without what has its default value. */
  public static String brief(Object config) {
    return ConfigYaml.flow(Canonical.brief(config));
  }

  /**
   * One value that differs.
   *
   * @param path where: {@code stages.stage1.optimizer.learningRate}
   * @param before as YAML; absent if only the second has it
   * @param after as YAML; absent if only the first has it
   */
  public record Change(String path, @Nullable String before, @Nullable String after) {
    /** {@code stages.stage1.examples: 1024 -> 512}. */
    @Override
    public String toString() {
      return path
          + ": "
          + (before == null ? "(absent)" : before)
          + " -> "
          + (after == null ? "(absent)" : after);
    }
  }

  /** What differs between two configurations, in the first one's order, then the second's. */
  public static List<Change> diff(Record a, Record b) {
    return diff(values(a), values(b));
  }

  /** The same between stored {@link #values}. */
  public static List<Change> diff(Map<String, String> before, Map<String, String> after) {
    Set<String> paths = new LinkedHashSet<>(before.keySet());
    paths.addAll(after.keySet());
    List<Change> changes = new ArrayList<>();
    for (String path : paths) {
      String first = before.get(path);
      String second = after.get(path);
      if (first == null || !first.equals(second)) {
        changes.add(new Change(path, first, second));
      }
    }
    return changes;
  }

  /** Every single value of a configuration as YAML, by its path. */
  public static Map<String, String> values(Record config) {
    Map<String, String> values = new LinkedHashMap<>();
    Canonical.leaves(Canonical.of(config))
        .forEach((path, value) -> values.put(path, ConfigYaml.flow(value)));
    return values;
  }

  private static String sorted(Object value) {
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> members = new TreeMap<>();
      map.forEach((key, member) -> members.put((String) key, member));
      return members.entrySet().stream()
          .map(entry -> ConfigYaml.flow(entry.getKey()) + ": " + sorted(entry.getValue()))
          .collect(Collectors.joining(", ", "{", "}"));
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Fingerprint::sorted).collect(Collectors.joining(", ", "[", "]"));
    }
    return ConfigYaml.flow(value);
  }
}
