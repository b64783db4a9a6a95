package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Variants;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Converts records to plain values: maps, lists, strings, booleans, whole numbers ({@link Long})
 * and {@link Double}s, in the form of a recipe with all defaults written out. Absent values stay
 * absent. Maps keep their order; sets are in the order of their words.
 */
final class Canonical {
  private Canonical() {}

  /** The plain value of a record, or of anything a record may contain. */
  static Object of(Object value) {
    return of(value, true);
  }

  /** The same without the members of records that have their default values. */
  static Object brief(Object value) {
    return of(value, false);
  }

  private static Object of(Object value, boolean defaults) {
    if (value instanceof Record config) {
      return record(config, defaults);
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> members = new LinkedHashMap<>();
      map.forEach((name, member) -> members.put((String) name, of(member, defaults)));
      return members;
    }
    if (value instanceof Collection<?> collection) {
      Stream<Object> members = collection.stream().map(member -> of(member, defaults));
      return (value instanceof Set ? members.sorted() : members).toList();
    }
    if (value instanceof Enum<?> constant) {
      return Scalars.word(constant);
    }
    return value instanceof Integer number ? Long.valueOf(number) : value;
  }

  private static Object record(Record config, boolean defaults) {
    Map<String, Object> members = new LinkedHashMap<>();
    for (RecordComponent component : config.getClass().getRecordComponents()) {
      Object value = read(config, component);
      if (value == null) {
        continue;
      }
      Object member = of(value, defaults);
      Default otherwise = component.getAnnotation(Default.class);
      if (defaults || otherwise == null || !equals(member, otherwise.value())) {
        members.put(component.getName(), member);
      }
    }
    return Variants.wordOf(config.getClass())
        .<Object>map(word -> Map.of(word, shortest(config.getClass(), members)))
        .orElse(members);
  }

  private static boolean equals(Object member, String otherwise) {
    return member instanceof Number number
        ? number.doubleValue() == Double.parseDouble(otherwise.replace("_", ""))
        : ConfigYaml.flow(member).equals(otherwise);
  }

  /** {@code stage1} rather than {@code {stage: stage1}} where a string alone stands for both. */
  private static Object shortest(Class<?> variant, Map<String, Object> members) {
    return Variants.shortForm(variant)
        .filter(name -> members.size() == 1 && members.containsKey(name))
        .map(members::get)
        .orElse(members);
  }

  private static @Nullable Object read(Record config, RecordComponent component) {
    try {
      component.getAccessor().setAccessible(true);
      return component.getAccessor().invoke(config);
    } catch (InvocationTargetException | IllegalAccessException e) {
      throw new IllegalStateException(component.toString(), e);
    }
  }

  /**
   * Every single value with its path. A list of plain values is one value; a list of maps that all
   * have different names is indexed by name, any other list by number.
   */
  static Map<String, Object> leaves(Object tree) {
    Map<String, Object> leaves = new LinkedHashMap<>();
    collect(tree, "", leaves);
    return leaves;
  }

  private static void collect(Object value, String path, Map<String, Object> leaves) {
    if (value instanceof Map<?, ?> map && !map.isEmpty()) {
      map.forEach((name, member) -> collect(member, Paths.key(path, (String) name), leaves));
    } else if (value instanceof List<?> list
        && !list.isEmpty()
        && list.stream().allMatch(Map.class::isInstance)) {
      List<String> names = new ArrayList<>();
      list.forEach(member -> names.add(String.valueOf(((Map<?, ?>) member).get("name"))));
      boolean named = !names.contains("null") && names.stream().distinct().count() == names.size();
      for (int i = 0; i < list.size(); i++) {
        collect(list.get(i), named ? Paths.key(path, names.get(i)) : Paths.index(path, i), leaves);
      }
    } else {
      leaves.put(path, value);
    }
  }
}
