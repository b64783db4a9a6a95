package dev.palimpsest.cli.runs;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.cli.reports.RunState;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.files.FolderSize;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * The state of a run in figures.
 *
 * @param folder the run folder
 * @param recipe its name
 * @param state {@code running}, {@code finished}, {@code stopped}, {@code failed} or {@code killed}
 * @param why in a sentence; empty if there is nothing to say
 * @param stage the last one that has begun; empty if none has
 * @param stageExamples examples of it so far
 * @param stageTotal its examples
 * @param examples of all stages so far
 * @param total of all stages
 * @param loss the mean of the last logged steps; absent before the first
 * @param examplesPerSecond of the last logged steps; absent before the first
 * @param secondsLeft of the stage, while it is trained
 * @param scores by suite, the last ones: mean over its tasks of the first metric, or of exact match
 *     where a task has none
 * @param scored at which moment
 * @param bytes on disk
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunSummary(
    String folder,
    String recipe,
    String state,
    String why,
    String stage,
    long stageExamples,
    long stageTotal,
    long examples,
    long total,
    @Nullable Double loss,
    @Nullable Double examplesPerSecond,
    @Nullable Long secondsLeft,
    Map<String, Double> scores,
    String scored,
    long bytes) {
  private static final int LAST = 20;

  /** Reads a run folder. */
  public static RunSummary of(Path folder) {
    RunData run = RunData.read(folder);
    RunState state = RunState.of(run);
    StageData last = run.stages().isEmpty() ? null : run.stages().get(run.stages().size() - 1);
    List<JsonNode> lines = last == null ? List.of() : last.metrics();
    lines = lines.subList(Math.max(0, lines.size() - LAST), lines.size());
    OptionalDouble loss =
        lines.stream()
            .filter(line -> line.has("loss"))
            .mapToDouble(line -> line.path("loss").asDouble())
            .average();
    double seconds = lines.stream().mapToDouble(line -> line.path("seconds").asDouble()).sum();
    Double rate =
        last == null || seconds == 0
            ? null
            : lines.size() * (double) last.config().batchSize() / seconds;
    long done = last == null ? 0 : last.examples();
    long of = last == null ? 0 : last.config().examples();
    Map<String, Double> scores = new LinkedHashMap<>();
    String scored = "";
    for (StageData stage : run.stages()) {
      for (Map.Entry<String, Map<String, SuiteResult>> moment : stage.scores().entrySet()) {
        scores.clear();
        scored = stage.config().name() + " " + moment.getKey();
        moment.getValue().forEach((suite, result) -> scores.put(suite, mean(result)));
      }
    }
    return new RunSummary(
        run.root().toString(),
        run.recipe().name(),
        state.word(),
        state.why(),
        last == null ? "" : last.config().name(),
        done,
        of,
        run.examples(),
        run.recipe().stages().stream().mapToLong(StageConfig::examples).sum(),
        loss.isPresent() ? loss.getAsDouble() : null,
        rate,
        rate == null || state.kind() != RunState.Kind.RUNNING || done == of
            ? null
            : Math.round((of - done) / rate),
        scores,
        scored,
        FolderSize.bytes(run.root()));
  }

  private static double mean(SuiteResult result) {
    return result.tasks().values().stream().mapToDouble(RunSummary::headline).average().orElse(0);
  }

  private static double headline(TaskResult task) {
    Double value = task.headline().isPresent() ? task.headline().get().value() : null;
    return value == null ? task.exactMatch().value() : value;
  }
}
