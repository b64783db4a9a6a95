package dev.palimpsest.eval.benchmarks;

import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkIndex;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** The benchmarks that are shipped with the program, and those in a user's files. */
public final class Benchmarks {
  private static final BenchmarkIndex INDEX =
      Recipes.bindBenchmarkIndex(shipped("index").orElseThrow(), "index.yaml");

  private Benchmarks() {}

  /** The index of shipped benchmarks: names, suites, and what is not available. */
  public static BenchmarkIndex index() {
    return INDEX;
  }

  /**
   * A benchmark by its name, or by the path of a file that ends in {@code .yaml}. Such a file may
   * include its neighbours and the shipped definitions.
   *
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when there is none with this name,
   *     it is a set of several, or the definition has mistakes
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
                  "'%s' is a set of benchmarks; name one of them: %s"
                      .formatted(name, String.join(", ", found)))));
    }
    return Recipes.bindBenchmark(shipped(name).orElseThrow(), name + ".yaml", Benchmarks::shipped);
  }

  /**
   * A metric by {@code name:variant}, by {@code name} alone, which is its default variant, or by
   * the name of a benchmark, whose first metric it is.
   *
   * @throws MetricInputException when there is none; the message suggests the nearest and lists all
   */
  public static Metric metric(String name) {
    boolean isBenchmark = INDEX.benchmarks().contains(name) && !Metrics.names().contains(name);
    return isBenchmark
        ? Metrics.find(find(name).metrics().get(0))
        : Metrics.find(name, INDEX.benchmarks());
  }

  /** The message of {@link #metric} for each name that does not exist. */
  public static List<String> unknownMetrics(Collection<String> names) {
    List<String> mistakes = new ArrayList<>();
    for (String name : names) {
      try {
        metric(name);
      } catch (MetricInputException e) {
        mistakes.add(String.valueOf(e.getMessage()));
      }
    }
    return mistakes;
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
