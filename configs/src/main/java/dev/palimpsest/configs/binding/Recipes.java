package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.AblationConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkIndex;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Binds recipe files to {@link PipelineConfig}s and reports all mistakes of a recipe at once.
 *
 * <p><b>Values.</b> Nothing is converted silently. A string that YAML 1.1 would read as another
 * type ({@code no}, {@code 3}, {@code 1e9}) needs quotes; booleans are {@code true} and {@code
 * false}; numbers are decimal, optionally with underscores or an exponent ({@code 1_000_000_000},
 * {@code 1e9}, {@code 2e-5}). A sealed family is a mapping with one key that names the kind: {@code
 * init: {stage: stage1}}, {@code schedule: {cosine: {warmupExamples: 1000}}}. YAML anchors, aliases
 * and {@code <<} work.
 *
 * <p><b>Variables.</b> Strings may contain {@code ${recipe}} (the recipe's folder), the variables
 * that the caller gives (by convention {@code ${run}}, the run folder), {@code ${env:NAME}} and
 * {@code * ${env:NAME:-otherwise}}; a doubled dollar sign before the brace means a literal one.
 *
 * <p><b>Paths</b> in a recipe are not changed: relative ones are relative to the working directory
 * of the process.
 */
public final class Recipes {
  private Recipes() {}

  /**
   * Binds a recipe file.
   *
   * @param file a YAML file
   * @param sets overrides, {@code path=value} each, applied in order before binding: {@code
   *     stages[1].optimizer.learningRate=1e-4}, {@code stages.stage1.examples=512}
   * @param variables values of {@code ${...}} by name
   * @throws InvalidConfigException with every mistake found
   */
  public static PipelineConfig bind(Path file, List<String> sets, Map<String, String> variables) {
    Map<String, String> all = new HashMap<>();
    Path folder = file.toAbsolutePath().normalize().getParent();
    all.put("recipe", String.valueOf(folder));
    all.putAll(variables);
    return bind(read(file), file.toString(), sets, new Variables(all, System.getenv()));
  }

  /**
   * Binds a recipe's text.
   *
   * @param text YAML
   * @param source its name in messages
   * @param sets overrides, as in {@link #bind(Path, List, Map)}
   * @param variables values of {@code ${...}} by name, which only include {@code ${recipe}} if
   *     given
   * @throws InvalidConfigException with every mistake found
   */
  public static PipelineConfig bind(
      String text, String source, List<String> sets, Map<String, String> variables) {
    return bind(text, source, sets, new Variables(variables, System.getenv()));
  }

  /**
   * Names of a recipe's stages in order, read without binding the rest, so that this also works for
   * recipes of other versions.
   *
   * @return empty if it is not a recipe
   */
  public static List<String> stageNames(Path file) {
    try {
      return stageNames(read(file));
    } catch (InvalidConfigException e) {
      return List.of();
    }
  }

  /** The same for a recipe's text. */
  public static List<String> stageNames(String text) {
    List<String> names = new ArrayList<>();
    if (YamlReader.file(text, "recipe", new ArrayList<>()) instanceof Node.Mapping recipe
        && recipe.value("stages") instanceof Node.Sequence stages) {
      for (Node stage : stages.members()) {
        if (stage instanceof Node.Mapping mapping
            && mapping.value("name") instanceof Node.Scalar name) {
          names.add(name.text());
        }
      }
    }
    return names;
  }

  static PipelineConfig bind(String text, String source, List<String> sets, Variables variables) {
    List<Problem> problems = new ArrayList<>();
    Node root = YamlReader.file(text, source, problems);
    if (root == null) {
      throw new InvalidConfigException(problems);
    }
    root = new Overrides(problems).apply(root, sets);
    Binder binder = new Binder(variables, problems);
    Object recipe = binder.bind(PipelineConfig.class, root, "");
    if (root instanceof Node.Mapping parts) {
      CrossChecks checks = new CrossChecks(binder, parts);
      checks.names(variables.given("run"));
      if (parts.value("stages") instanceof Node.Sequence stages) {
        checks.stages(stages.members().size());
        checks.dedup();
      }
    }
    if (recipe == null || !problems.isEmpty()) {
      problems.sort(inOrderOfPlaces(source));
      throw new InvalidConfigException(first(problems));
    }
    return (PipelineConfig) recipe;
  }

  /**
   * Binds the sizes of a timed step.
   *
   * @param file a YAML file with the components of {@link StepSizes}
   * @throws InvalidConfigException with every mistake found
   */
  public static StepSizes bindStepSizes(Path file) {
    return bindRecord(
        StepSizes.class, read(file), file.toString(), new Variables(Map.of(), System.getenv()));
  }

  /**
   * Binds a benchmark's definition.
   *
   * @param text YAML with the components of {@link BenchmarkConfig}; {@code include: name} merges
   *     this file's values over another file's, mapping by mapping
   * @param source its name in messages
   * @param included the text of an included file by its name; empty if there is none
   * @throws InvalidConfigException with every mistake found
   */
  public static BenchmarkConfig bindBenchmark(
      String text, String source, Function<String, Optional<String>> included) {
    List<Problem> problems = new ArrayList<>();
    Node root = include(text, source, included, 0, problems);
    return bindRecord(
        BenchmarkConfig.class, root, new Variables(Map.of(), System.getenv()), problems);
  }

  /**
   * Binds a benchmark's definition in a file.
   *
   * @param included as in {@link #bindBenchmark(String, String, Function)}
   * @throws InvalidConfigException with every mistake found
   */
  public static BenchmarkConfig bindBenchmark(
      String file, Function<String, Optional<String>> included) {
    return bindBenchmark(read(Path.of(file)), file, included);
  }

  /** The deepest nesting of includes before they count as a cycle. */
  private static final int INCLUDES = 8;

  private static @Nullable Node include(
      String text,
      String source,
      Function<String, Optional<String>> included,
      int depth,
      List<Problem> problems) {
    Node root = YamlReader.file(text, source, problems);
    if (!(root instanceof Node.Mapping own)
        || !(own.value("include") instanceof Node.Scalar name)) {
      return root;
    }
    Optional<String> other = included.apply(name.text());
    if (other.isEmpty() || depth == INCLUDES) {
      problems.add(
          new Problem(
              "include",
              other.isEmpty()
                  ? "there is no file '" + name.text() + "' to include"
                  : "includes itself",
              name.at()));
      return root;
    }
    Node base = include(other.get(), name.text(), included, depth + 1, problems);
    Node.Mapping without = own.without("include");
    return base instanceof Node.Mapping mapping ? without.deepOver(mapping) : without;
  }

  /**
   * Binds an ablation's file.
   *
   * @param file a YAML file with the components of {@link AblationConfig}; {@code ${ablation}} in
   *     it is its folder
   * @throws InvalidConfigException with every mistake found
   */
  public static AblationConfig bindAblation(Path file) {
    Map<String, String> folder =
        Map.of("ablation", String.valueOf(file.toAbsolutePath().normalize().getParent()));
    return bindRecord(
        AblationConfig.class, read(file), file.toString(), new Variables(folder, System.getenv()));
  }

  /** Binds the list of benchmarks. */
  public static BenchmarkIndex bindBenchmarkIndex(String text, String source) {
    return bindRecord(BenchmarkIndex.class, text, source, new Variables(Map.of(), System.getenv()));
  }

  /**
   * Binds a suite in a file of its own.
   *
   * @throws InvalidConfigException with every mistake found
   */
  public static SuiteConfig bindSuite(Path file) {
    Map<String, String> folder =
        Map.of("recipe", String.valueOf(file.toAbsolutePath().normalize().getParent()));
    return bindRecord(
        SuiteConfig.class, read(file), file.toString(), new Variables(folder, System.getenv()));
  }

  private static <T> T bindRecord(Class<T> type, String text, String source, Variables variables) {
    List<Problem> problems = new ArrayList<>();
    return bindRecord(type, YamlReader.file(text, source, problems), variables, problems);
  }

  private static <T> T bindRecord(
      Class<T> type, @Nullable Node root, Variables variables, List<Problem> problems) {
    Binder binder = new Binder(variables, problems);
    Object bound = root == null ? null : binder.bind(type, root, "");
    if (type == SuiteConfig.class && root instanceof Node.Mapping suite) {
      CrossChecks.taskNames(binder, suite, "");
    }
    if (bound == null || !problems.isEmpty()) {
      throw new InvalidConfigException(first(problems));
    }
    return type.cast(bound);
  }

  /** The most mistakes that are reported at once. */
  private static final int MOST_PROBLEMS = 100;

  private static List<Problem> first(List<Problem> problems) {
    if (problems.size() <= MOST_PROBLEMS) {
      return problems;
    }
    List<Problem> first = new ArrayList<>(problems.subList(0, MOST_PROBLEMS));
    first.add(new Problem("", "has %d more mistakes".formatted(problems.size() - MOST_PROBLEMS)));
    return first;
  }

  private static String read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(YamlReader.MOST_CHARACTERS + 1);
      if (bytes.length > YamlReader.MOST_CHARACTERS) {
        throw unreadable(
            file, "is larger than %d MiB and cannot be a recipe".formatted(bytes.length >> 20));
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (NoSuchFileException e) {
      throw unreadable(file, "no such file" + neighbour(file));
    } catch (CharacterCodingException e) {
      throw unreadable(file, "is not UTF-8 text");
    } catch (IOException e) {
      throw unreadable(file, "cannot be read: " + e.getMessage());
    }
  }

  private static InvalidConfigException unreadable(Path file, String message) {
    return new InvalidConfigException(
        List.of(new Problem("", message, Place.all(file.toString()))));
  }

  private static String neighbour(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      return "";
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<String> recipes =
          files
              .map(path -> String.valueOf(path.getFileName()))
              .filter(name -> name.endsWith(".yaml"))
              .sorted()
              .toList();
      return recipes.isEmpty() ? "" : Suggestion.among(String.valueOf(file.getFileName()), recipes);
    } catch (IOException e) {
      return "";
    }
  }

  /** The recipe's own mistakes in the order of the file, then those of overrides. */
  private static Comparator<Problem> inOrderOfPlaces(String source) {
    return Comparator.comparingInt(problem -> line(problem.place(), source));
  }

  private static int line(@Nullable Place place, String source) {
    return place != null && place.source().equals(source) ? place.line() : Integer.MAX_VALUE;
  }
}
