package dev.palimpsest.configs.checks;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The form of records in a recipe: words of sealed families, required components, short forms. */
public final class Variants {
  private Variants() {}

  /** The records of a sealed family by their words, in the order in which the source has them. */
  public static Map<String, Class<?>> of(Class<?> family) {
    Map<String, Class<?>> variants = new LinkedHashMap<>();
    for (Class<?> variant : family.getPermittedSubclasses()) {
      variants.put(word(variant), variant);
    }
    return variants;
  }

  /** The word of a record that belongs to a sealed family. */
  public static Optional<String> wordOf(Class<?> type) {
    return Arrays.stream(type.getInterfaces()).anyMatch(Class::isSealed)
        ? Optional.of(word(type))
        : Optional.empty();
  }

  /**
   * The component that a plain string is short for: {@code init: {stage: stage1}} is short for
   * {@code init: {stage: {stage: stage1}}}. Variants with exactly one required component, a string,
   * have one.
   */
  public static Optional<String> shortForm(Class<?> variant) {
    List<RecordComponent> required =
        Arrays.stream(variant.getRecordComponents()).filter(Variants::isRequired).toList();
    return required.size() == 1 && required.get(0).getType() == String.class
        ? Optional.of(required.get(0).getName())
        : Optional.empty();
  }

  public static boolean isNullable(RecordComponent component) {
    return component.getAnnotatedType().isAnnotationPresent(Nullable.class);
  }

  public static boolean isRequired(RecordComponent component) {
    return !isNullable(component) && !component.isAnnotationPresent(Default.class);
  }

  private static String word(Class<?> variant) {
    Key key = variant.getAnnotation(Key.class);
    String name = variant.getSimpleName();
    return key != null ? key.value() : Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }
}
