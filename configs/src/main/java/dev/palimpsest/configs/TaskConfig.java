package dev.palimpsest.configs;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A training task: a source and how its rows are read. Named by its key in the recipe; stages give
 * weights by that name.
 *
 * @param source where the rows are
 * @param type how a row becomes prompt and target
 * @param fields where the source calls a field otherwise: the type's name for it, then the
 *     source's; dots lead into objects ({@code answers: answers.text})
 */
public record TaskConfig(
    SourceConfig source,
    @Default("{prefixSuffix: {}}") TaskType type,
    @Default("{}") Map<String, String> fields) {
  /** Checks that the type reads the fields that are renamed. */
  public TaskConfig {
    Check check = new Check();
    checkFields(check, type, fields);
    check.done();
    fields = Collections.unmodifiableMap(new TreeMap<>(fields));
  }

  /** Rows with {@code prefix} and {@code suffix}. */
  public TaskConfig(SourceConfig source) {
    this(source, new TaskType.PrefixSuffix(), Map.of());
  }

  static void checkFields(Check check, @Nullable TaskType type, Map<String, String> fields) {
    if (type == null) {
      return; // it is wrong itself
    }
    fields.forEach(
        (name, renamed) ->
            check.that(
                type.fields().contains(name),
                "fields." + name,
                "is no field that this type reads%s",
                Suggestion.among(name, type.fields())));
  }
}
