package dev.palimpsest.stages.plan;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.ModelCost.Use;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A plan of a stage beside what its run recorded.
 *
 * @param stage its name
 * @param memoryPlanned bytes of arrays at the highest in a step beside which no checkpoint is
 *     written
 * @param memoryUsed the same as recorded, the median over the steps that were logged, for what the
 *     JVM's own compiler takes meanwhile is counted too; 0: not recorded
 * @param secondsPlanned of all steps but the first two of a process, in which kernels are compiled
 * @param secondsUsed the same as recorded
 */
public record PlanCheck(
    String stage, long memoryPlanned, long memoryUsed, double secondsPlanned, double secondsUsed) {
  /** The largest error of planned memory. */
  public static final double MEMORY = 0.10;

  /** The largest error of planned time. */
  public static final double TIME = 0.15;

  /**
   * Compares.
   *
   * @param plan of the stage
   * @param metrics the {@code metrics.jsonl} of its run
   * @param secondsAStep as measured on this machine
   */
  public static PlanCheck of(StagePlan plan, Path metrics, double secondsAStep) {
    List<JsonNode> lines = lines(metrics);
    long[] memory =
        lines.stream()
            .mapToLong(line -> line.path("arrayBytes").asLong())
            .filter(bytes -> bytes > 0)
            .sorted()
            .toArray();
    double seconds = 0;
    int counted = 0;
    for (JsonNode line : lines) {
      if (line.path("step").asLong() > Calibration.WARM_UP) {
        seconds += line.path("seconds").asDouble();
        counted++;
      }
    }
    long steps = Math.max(0, plan.steps() - Calibration.WARM_UP);
    return new PlanCheck(
        plan.name(),
        plan.memoryTotal() - plan.memoryBytes().getOrDefault(Use.CHECKPOINT, 0L),
        memory.length == 0 ? 0 : memory[memory.length / 2],
        secondsAStep * steps,
        counted == 0 ? 0 : seconds / counted * steps);
  }

  private static List<JsonNode> lines(Path metrics) {
    try {
      List<JsonNode> lines = new ArrayList<>();
      for (String line : Files.readAllLines(metrics, StandardCharsets.UTF_8)) {
        parsed(line).ifPresent(lines::add);
      }
      return lines;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + metrics, e);
    }
  }

  /** Empty for a line that was cut by a kill. */
  private static Optional<JsonNode> parsed(String line) {
    try {
      return Optional.of(Json.STRICT.readTree(line));
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }

  /** Planned over used, minus 1; 0 if it was not recorded. */
  @JsonProperty
  public double memoryError() {
    return memoryUsed == 0 ? 0 : (double) memoryPlanned / memoryUsed - 1;
  }

  /** Planned over used, minus 1; 0 if it was not recorded. */
  @JsonProperty
  public double timeError() {
    return secondsUsed == 0 ? 0 : secondsPlanned / secondsUsed - 1;
  }

  /** Whether both are near enough. */
  @JsonProperty
  public boolean holds() {
    return Math.abs(memoryError()) <= MEMORY && Math.abs(timeError()) <= TIME;
  }
}
