package dev.palimpsest.stages.folder;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How the last process of a run ended, {@code end.json}. A process that is killed leaves none.
 *
 * @param exitCode its exit code
 * @param why in a sentence
 * @param time when
 */
public record RunEnd(int exitCode, String why, String time) {
  private static Path file(Path run) {
    return run.resolve("end.json");
  }

  /** Records the end of this process. */
  public static void write(RunFolder run, int exitCode, String why) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("exitCode", exitCode);
    json.put("why", why);
    json.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    RunFolder.writeJson(file(run.root()), json);
  }

  /** Forgets how an earlier process ended. */
  public static void forget(RunFolder run) {
    try {
      Files.deleteIfExists(file(run.root()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + file(run.root()), e);
    }
  }

  /** How the last process ended, if it said so. */
  public static Optional<RunEnd> of(Path run) {
    return RunFolder.readJson(file(run)).map(RunEnd::of);
  }

  private static RunEnd of(JsonNode json) {
    return new RunEnd(
        json.path("exitCode").asInt(), json.path("why").asText(), json.path("time").asText());
  }
}
