package dev.palimpsest.configs;

import java.util.List;
import java.util.function.Function;

/**
 * How a row of a source becomes prompt and target. Each type documents the fields that it reads of
 * a row; a recipe says under {@code fields} where a source calls them otherwise.
 */
public sealed interface TaskType {
  /** Names of the fields that it reads, pictures aside. */
  List<String> fields();

  /**
   * The prompt and the target are there already, as in PaliGemma's published fine-tuning format.
   *
   * <pre>{@code {"image": "1.jpg", "prefix": "caption en", "suffix": ["a cow", "a brown cow"]}}
   * </pre>
   *
   * {@code prefix} may be absent (empty); {@code suffix} is a text or a list of accepted ones, of
   * which every visit shows another.
   */
  record PrefixSuffix() implements TaskType {
    @Override
    public List<String> fields() {
      return List.of("prefix", "suffix");
    }
  }

  /** Exhaustive choice by kind. */
  default <R> R match(Function<PrefixSuffix, R> prefixSuffix) {
    return prefixSuffix.apply((PrefixSuffix) this);
  }
}
