package dev.palimpsest.eval.benchmarks;

import dev.palimpsest.configs.BenchmarkConfig;
import dev.palimpsest.configs.BenchmarkIndex;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.Problem;
import dev.palimpsest.configs.Recipes;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The benchmarks that come with the program, and those in a user's files. */
public final class Benchmarks {
  private static final BenchmarkIndex INDEX =
      Recipes.bindBenchmarkIndex(shipped("index").orElseThrow(), "index.yaml");

  private Benchmarks() {}

  /** Names, suites, and what is missing. */
  public static BenchmarkIndex index() {
    return INDEX;
  }

  /**
   * A benchmark by its name, or by the path of a file that ends in {@code .yaml}. Such a file may
   * include its neighbours and the shipped definitions.
   *
   * @throws dev.palimpsest.configs.InvalidConfigException when there is none of this name, it is a
   *     set of several, or the definition has mistakes
   */
  public static BenchmarkConfig find(String name) {
    if (name.endsWith(".yaml")) {
      Path file = Path.of(name);
      return Recipes.bindBenchmark(
          file.toString(),
          other -> text(file.resolveSibling(other + ".yaml")).or(() -> shipped(other)));
    }
    List<String> found = INDEX.expand(name);
    if (found.size() != 1 || !found.get(0).equals(name)) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "",
                  "'%s' is a set of benchmarks, name one of it: %s"
                      .formatted(name, String.join(", ", found)))));
    }
    return Recipes.bindBenchmark(shipped(name).orElseThrow(), name + ".yaml", Benchmarks::shipped);
  }

  private static Optional<String> text(Path file) {
    try {
      return Files.isRegularFile(file) ? Optional.of(Files.readString(file)) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private static Optional<String> shipped(String name) {
    try (InputStream in = Benchmarks.class.getResourceAsStream(name + ".yaml")) {
      return in == null
          ? Optional.empty()
          : Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the definition of " + name, e);
    }
  }
}
