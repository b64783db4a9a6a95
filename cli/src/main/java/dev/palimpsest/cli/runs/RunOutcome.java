package dev.palimpsest.cli.runs;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.reports.RunData;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.RunContents;
import dev.palimpsest.stages.folder.RunEnd;
import dev.palimpsest.stages.goodput.Goodput;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a run gave, for programs.
 *
 * @param folder the run folder
 * @param recipe its name
 * @param exitCode of the process that ended last; absent if it was killed, or goes on
 * @param why it ended, in a sentence; empty if it is done
 * @param examples of all stages so far
 * @param stages those that have begun, in the recipe's order
 * @param goodput where the time went, over all processes
 */
public record RunOutcome(
    String folder,
    String recipe,
    @Nullable Integer exitCode,
    String why,
    long examples,
    List<StageOutcome> stages,
    Goodput goodput) {
  /**
   * A stage that has begun.
   *
   * @param finished whether it is
   * @param resolution of its pictures, in pixels
   * @param examples of it so far
   * @param total its examples
   * @param loss at the end of what is logged, smoothed as in the run's table; null before the first
   *     step
   * @param examplesPerSecond over all that is logged; null before the first step
   * @param seconds of training, in the process that finished it; null before
   * @param scores by moment ({@code before}, {@code at-N}, {@code after}) and suite
   * @param metrics the file with what was logged of its steps
   * @param checkpoint its newest one; null if it has none
   * @param exports exported folders and files
   * @param notes what happened at import, hand-over and resumption
   */
  public record StageOutcome(
      String name,
      boolean finished,
      int resolution,
      long examples,
      long total,
      @Nullable Double loss,
      @Nullable Double examplesPerSecond,
      @Nullable Double seconds,
      Map<String, Map<String, SuiteResult>> scores,
      String metrics,
      @Nullable String checkpoint,
      List<String> exports,
      List<String> notes) {
    private static StageOutcome of(StageData stage) {
      Optional<JsonNode> finished = stage.finished();
      Path folder = stage.folder();
      return new StageOutcome(
          stage.config().name(),
          finished.isPresent(),
          stage.config().resolution(),
          stage.examples(),
          stage.config().examples(),
          Json.number(stage.loss()),
          Json.number(stage.examplesPerSecond()),
          finished.map(done -> done.path("seconds").asDouble()).orElse(null),
          stage.scores(),
          folder.resolve("metrics.jsonl").toString(),
          RunContents.newest(folder).map(Path::toString).orElse(null),
          RunContents.exports(folder).stream().map(Path::toString).toList(),
          stage.notes());
    }
  }

  /** Reads a run folder. */
  public static RunOutcome of(Path folder) {
    RunData run = RunData.read(folder);
    Optional<RunEnd> end = RunEnd.of(run.root());
    return new RunOutcome(
        run.root().toString(),
        run.recipe().name(),
        end.map(RunEnd::exitCode).orElse(null),
        end.map(RunEnd::why).orElse(""),
        run.examples(),
        run.stages().stream().map(StageOutcome::of).toList(),
        Goodput.read(run.root().resolve("goodput.jsonl")));
  }
}
