package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Sizes of published towers, and of tiny ones for tests, by name. The values are in {@code
 * presets.yaml}. A recipe writes {@code language: {preset: gemma-2b, vocabulary: 1700}}: the
 * preset's values, replaced by those beside it.
 */
public final class Presets {
  /** The key that names a preset. */
  static final String KEY = "preset";

  private static final Node.Mapping ALL = read();
  private static final Map<Class<?>, String> FAMILIES =
      Map.of(VisionConfig.class, "vision", LanguageConfig.class, "language");

  private Presets() {}

  /** An image tower, such as {@code siglip-so400m/14}. */
  public static VisionConfig vision(String name) {
    return preset(VisionConfig.class, name);
  }

  /** A decoder, such as {@code gemma-2b}; published ones with PaliGemma's 257152 embedding rows. */
  public static LanguageConfig language(String name) {
    return preset(LanguageConfig.class, name);
  }

  /** Whether values of a type may start from a preset. */
  static boolean exist(Class<?> type) {
    return FAMILIES.containsKey(type);
  }

  /** The names for a type. */
  static Set<String> names(Class<?> type) {
    return of(type).entries().keySet();
  }

  /** The values of one preset, as if they were written in the recipe. */
  static Node.Mapping values(Class<?> type, String name) {
    return (Node.Mapping) Objects.requireNonNull(of(type).value(name));
  }

  private static Node.Mapping of(Class<?> type) {
    return (Node.Mapping)
        Objects.requireNonNull(ALL.value(Objects.requireNonNull(FAMILIES.get(type))));
  }

  private static <T> T preset(Class<T> type, String name) {
    if (!names(type).contains(name)) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  KEY, "unknown preset '" + name + "'" + Suggestion.among(name, names(type)))));
    }
    return Binder.bindAlone(type, values(type, name));
  }

  private static Node.Mapping read() {
    try (InputStream in =
        Objects.requireNonNull(Presets.class.getResourceAsStream("presets.yaml"))) {
      List<Problem> problems = new ArrayList<>();
      Node root =
          YamlReader.file(
              new String(in.readAllBytes(), StandardCharsets.UTF_8), "presets.yaml", problems);
      if (!problems.isEmpty()) {
        throw new InvalidConfigException(problems);
      }
      return (Node.Mapping) Objects.requireNonNull(root);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
