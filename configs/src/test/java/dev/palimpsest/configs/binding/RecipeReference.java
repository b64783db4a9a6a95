package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Variants;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The recipe reference, {@code docs/recipe-reference.md}: every key with its type, its default and
 * what its record's Javadoc says of it, from the whole recipe down to the smallest part.
 */
final class RecipeReference {
  private final RecordDocs docs;
  private final Set<Class<?>> met = new LinkedHashSet<>();
  private final Deque<Class<?>> waiting = new ArrayDeque<>();
  private final List<String> missing = new ArrayList<>();
  private final StringBuilder out = new StringBuilder();

  private RecipeReference(RecordDocs docs) {
    this.docs = docs;
  }

  /** The page, Markdown, ending in a line break. */
  static String markdown(RecordDocs docs) {
    RecipeReference reference = new RecipeReference(docs);
    reference.out.append(
        """
        # Recipe reference

        Every key of a recipe. This page is generated from the records in `configs` and their Javadoc; the same sentences show up as you
        type in an editor that reads `configs/schema/recipe.schema.json`. *required* marks keys without a default; *absent* marks
        keys that may be left out and then mean what their text says.
        """);
    reference.meet(PipelineConfig.class);
    while (!reference.waiting.isEmpty()) {
      reference.section(reference.waiting.remove());
    }
    if (!reference.missing.isEmpty()) {
      throw new IllegalStateException("keys without Javadoc: " + reference.missing);
    }
    return reference.out.toString();
  }

  private void section(Class<?> type) {
    out.append("\n## ").append(title(type)).append("\n\n");
    docs.of(type).ifPresent(text -> out.append(text).append("\n"));
    if (type.isSealed()) {
      out.append("\nExactly one of these keys:\n");
      Variants.of(type)
          .forEach(
              (word, variant) -> {
                out.append("\n### `").append(word).append("`\n\n");
                Variants.shortForm(variant)
                    .ifPresent(
                        component ->
                            out.append(
                                "`%s: TEXT` is short for `%s: {%s: TEXT}`.\n\n"
                                    .formatted(word, word, component)));
                docs.of(variant).ifPresent(text -> out.append(text).append("\n"));
                table(variant);
              });
    } else {
      table(type);
    }
  }

  private void table(Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    if (Presets.exist(type)) {
      out.append(
          "\n`preset` names one of "
              + Presets.names(type).stream()
                  .map(name -> "`" + name + "`")
                  .collect(Collectors.joining(", "))
              + "; other keys then replace its values.\n");
    }
    if (components.length == 0) {
      return;
    }
    out.append("\n| key | type | default | meaning |\n|---|---|---|---|\n");
    for (RecordComponent component : components) {
      Default written = component.getAnnotation(Default.class);
      String otherwise =
          written != null
              ? "`" + written.value() + "`"
              : Variants.isNullable(component) ? "*absent*" : "*required*";
      out.append(
          "| `%s` | %s | %s | %s |\n"
              .formatted(
                  component.getName(),
                  name(component.getGenericType()),
                  otherwise,
                  text(type, component).replace("|", "\\|")));
    }
  }

  private String text(Class<?> type, RecordComponent component) {
    return docs.of(type, component)
        .orElseGet(
            () -> {
              missing.add(type.getSimpleName() + "." + component.getName());
              return "";
            });
  }

  private String name(Type type) {
    if (type instanceof ParameterizedType generic) {
      Type[] arguments = generic.getActualTypeArguments();
      return generic.getRawType() == Map.class
          ? "map of name to " + name(arguments[1])
          : "list of " + name(arguments[0]);
    }
    Class<?> plain = (Class<?>) type;
    if (plain.isRecord() || plain.isSealed()) {
      meet(plain);
      return "[%s](#%s)".formatted(title(plain), anchor(plain));
    }
    if (plain.isEnum()) {
      return Stream.of(plain.getEnumConstants())
          .map(constant -> "`" + Scalars.word((Enum<?>) constant) + "`")
          .collect(Collectors.joining(", "));
    }
    if (plain == String.class) {
      return "text";
    }
    if (plain == boolean.class) {
      return "true or false";
    }
    return plain == double.class || plain == Double.class ? "number" : "whole number";
  }

  private void meet(Class<?> type) {
    if (met.add(type)) {
      waiting.add(type);
    }
  }

  /** {@code ParameterGroupConfig} is called "Parameter group". */
  private static String title(Class<?> type) {
    if (type == PipelineConfig.class) {
      return "Recipe";
    }
    String words =
        type.getSimpleName().replaceAll("Config$", "").replaceAll("(?<=[a-z])(?=[A-Z])", " ");
    return words.charAt(0) + words.substring(1).toLowerCase(Locale.ROOT);
  }

  private static String anchor(Class<?> type) {
    return title(type).toLowerCase(Locale.ROOT).replace(' ', '-');
  }
}
