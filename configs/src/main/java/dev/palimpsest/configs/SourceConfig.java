package dev.palimpsest.configs;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where examples come from. */
public sealed interface SourceConfig {
  /**
   * PaliGemma's published fine-tuning format: one JSON object a line with {@code image}, {@code
   * prefix}, {@code suffix}. {@code image} may be a list for several images an example.
   *
   * @param path the {@code .jsonl} file
   * @param images folder that image names are relative to; the file's own folder when absent
   */
  @Key("jsonl")
  record JsonLines(String path, @Nullable String images) implements SourceConfig {}

  /** Exhaustive choice by kind. */
  default <R> R match(Function<JsonLines, R> jsonLines) {
    return jsonLines.apply((JsonLines) this);
  }
}
