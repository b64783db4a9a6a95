package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.html.Plot;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What a run folder says of its run, whether it is finished, stopped or under way. Nothing is
 * verified or changed.
 *
 * @param root the run folder
 * @param recipe as it was resolved
 * @param stages those that have begun, in the recipe's order
 * @param environment of the last process
 */
public record RunData(
    Path root, PipelineConfig recipe, List<StageData> stages, Map<String, String> environment) {
  /** Longer lists of examples are not counted. */
  private static final long MOST_LIST_BYTES = 1L << 28;

  /** Keeps unmodifiable copies. */
  public RunData {
    stages = List.copyOf(stages);
  }

  /**
   * A stage that has begun.
   *
   * @param metrics lines of {@code metrics.jsonl}
   * @param scores by moment, in their order, and suite
   * @param finished its {@code stage.json}
   */
  public record StageData(
      StageConfig config,
      Path folder,
      List<JsonNode> metrics,
      Map<String, Map<String, SuiteResult>> scores,
      Optional<JsonNode> finished) {
    /** Examples seen so far. */
    public long examples() {
      return metrics.isEmpty()
          ? finished.isPresent() ? config.examples() : 0
          : metrics.get(metrics.size() - 1).path("examples").asLong();
    }

    /** The loss at the end of what is logged, smoothed; NaN before the first step. */
    public double loss() {
      List<double[]> loss = Plot.smoothed(Series.points(this, "loss", 0));
      return loss.isEmpty() ? Double.NaN : loss.get(loss.size() - 1)[1];
    }

    /** Examples a second over all that is logged; NaN before the first step. */
    public double examplesPerSecond() {
      double seconds = metrics.stream().mapToDouble(line -> line.path("seconds").asDouble()).sum();
      return seconds == 0 ? Double.NaN : metrics.size() * (double) config.batchSize() / seconds;
    }

    /**
     * Examples by task, as they were consumed; empty if there are too many to count.
     *
     * @throws UncheckedIOException when their list cannot be read
     */
    Map<String, Long> drawn() {
      try {
        return RunData.drawn(folder.resolve("examples.jsonl"));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read the examples of " + folder, e);
      }
    }

    /** What happened at import, hand-over and resumption. */
    public List<String> notes() {
      List<String> notes = new ArrayList<>();
      finished.ifPresent(stage -> stage.path("notes").forEach(note -> notes.add(note.asText())));
      return notes;
    }
  }

  /** Whether a folder has a run's recipe. */
  public static boolean isRun(Path folder) {
    return Files.isRegularFile(folder.resolve("recipe.yaml"));
  }

  /**
   * Reads a run folder.
   *
   * @throws UserMistake when it is none
   */
  public static RunData read(Path folder) {
    Path root = folder.toAbsolutePath().normalize();
    if (!isRun(root)) {
      throw new UserMistake(
          root + " is not the folder of a run: it has no recipe.yaml; name the folder after --out");
    }
    PipelineConfig recipe =
        Recipes.bind(root.resolve("recipe.yaml"), List.of(), Map.of("run", root.toString()));
    List<StageData> stages = new ArrayList<>();
    for (StageConfig stage : recipe.stages()) {
      Path place = root.resolve(stage.name());
      if (Files.isDirectory(place)) {
        stages.add(stage(stage, place));
      }
    }
    Map<String, String> environment = new LinkedHashMap<>();
    RunFolder.readJson(root.resolve("environment.json"))
        .ifPresent(
            facts ->
                facts
                    .properties()
                    .forEach(fact -> environment.put(fact.getKey(), fact.getValue().asText())));
    return new RunData(root, recipe, stages, environment);
  }

  private static StageData stage(StageConfig config, Path folder) {
    try {
      List<JsonNode> metrics = new ArrayList<>();
      for (String line : RunFolder.lines(folder.resolve("metrics.jsonl"))) {
        parsed(line).ifPresent(metrics::add);
      }
      return new StageData(
          config,
          folder,
          metrics,
          scores(folder.resolve("scores")),
          RunFolder.readJson(folder.resolve("stage.json")));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + folder, e);
    }
  }

  /** A line of a log; the last one may be only partly written. */
  private static Optional<JsonNode> parsed(String line) {
    try {
      JsonNode node = Json.STRICT.readTree(line);
      return node.isObject() ? Optional.of(node) : Optional.empty();
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  private static Map<String, Map<String, SuiteResult>> scores(Path folder) throws IOException {
    Map<String, Map<String, SuiteResult>> scores =
        new TreeMap<>(Comparator.comparing(RunData::rank).thenComparing(moment -> moment));
    if (!Files.isDirectory(folder)) {
      return scores;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        if (!file.toString().endsWith(".json")) {
          continue;
        }
        JsonNode json = RunFolder.readJson(file).orElseThrow();
        scores
            .computeIfAbsent(json.path("moment").asText(), moment -> new LinkedHashMap<>())
            .put(
                json.path("suite").asText(),
                Json.STRICT.convertValue(json.path("result"), SuiteResult.class));
      }
    } catch (IllegalArgumentException e) {
      throw new UserMistake("a score in " + folder + " cannot be read: " + e.getMessage());
    }
    return scores;
  }

  private static int rank(String moment) {
    return moment.equals("before") ? 0 : moment.equals("after") ? 2 : 1;
  }

  private static Map<String, Long> drawn(Path list) throws IOException {
    Map<String, Long> drawn = new TreeMap<>();
    if (!Files.exists(list) || Files.size(list) > MOST_LIST_BYTES) {
      return drawn;
    }
    try (BufferedReader lines = Files.newBufferedReader(list)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        parsed(line)
            .ifPresent(
                step ->
                    step.path("ids")
                        .forEach(
                            id -> {
                              String text = id.asText();
                              int slash = text.indexOf('/');
                              drawn.merge(
                                  slash < 0 ? text : text.substring(0, slash), 1L, Long::sum);
                            }));
      }
    }
    return drawn;
  }

  /** Examples seen before a stage, over all earlier ones. */
  long before(int stage) {
    return stages.subList(0, stage).stream().mapToLong(StageData::examples).sum();
  }

  /** Examples seen in all stages. */
  public long examples() {
    return before(stages.size());
  }
}
