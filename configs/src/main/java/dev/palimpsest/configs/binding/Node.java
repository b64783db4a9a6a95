package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A recipe's YAML as written: nothing is converted yet, and every part has its place. */
sealed interface Node {
  /** Where it starts. */
  Place at();

  /** The type that YAML 1.1 readers give to a scalar. Anything quoted is a string. */
  enum Kind {
    STRING,
    BOOLEAN,
    NUMBER,
    NULL
  }

  /** A single value. */
  record Scalar(String text, Kind kind, Place at) implements Node {}

  /** A list. */
  record Sequence(List<Node> members, Place at) implements Node {}

  /** Keys and values in the order in which they were written. */
  record Mapping(Map<String, Entry> entries, Place at) implements Node {
    /** The value of a key, if it is present. */
    @Nullable Node value(String key) {
      Entry entry = entries.get(key);
      return entry == null ? null : entry.value();
    }

    /** This mapping with one value added or replaced. */
    Mapping with(String key, Entry entry) {
      Map<String, Entry> changed = new LinkedHashMap<>(entries);
      changed.put(key, entry);
      return new Mapping(changed, at);
    }

    /** This mapping without a key. */
    Mapping without(String key) {
      Map<String, Entry> fewer = new LinkedHashMap<>(entries);
      fewer.remove(key);
      return new Mapping(fewer, at);
    }

    /** As {@link #over}, but mappings that both have are merged recursively. */
    Mapping deepOver(Mapping base) {
      Map<String, Entry> merged = new LinkedHashMap<>(base.entries);
      entries.forEach(
          (key, entry) ->
              merged.merge(
                  key,
                  entry,
                  (below, above) ->
                      below.value() instanceof Mapping b && above.value() instanceof Mapping a
                          ? new Entry(above.keyAt(), a.deepOver(b))
                          : above));
      return new Mapping(merged, at);
    }

    /** This mapping merged over another: for a key that both have, this one's value is used. */
    Mapping over(Mapping base) {
      Map<String, Entry> merged = new LinkedHashMap<>(base.entries);
      merged.putAll(entries);
      return new Mapping(merged, at);
    }
  }

  /** A value and the place of its key. */
  record Entry(Place keyAt, Node value) {
    /** Where a reader should look: at a scalar itself, or at the key of anything longer. */
    Place at() {
      return value instanceof Scalar ? value.at() : keyAt;
    }
  }

  /** Whether there is nothing: {@code key:}, {@code key: null}. */
  default boolean isNull() {
    return this instanceof Scalar scalar && scalar.kind() == Kind.NULL;
  }

  /** For messages: {@code the string 'abc'}. */
  default String describe() {
    if (this instanceof Mapping) {
      return "a mapping";
    }
    if (this instanceof Sequence) {
      return "a list";
    }
    Scalar scalar = (Scalar) this;
    return switch (scalar.kind()) {
      case STRING -> "the string '" + Problem.brief(scalar.text()) + "'";
      case BOOLEAN -> "the boolean " + scalar.text();
      case NUMBER -> "the number " + Problem.brief(scalar.text());
      case NULL -> "nothing";
    };
  }
}
