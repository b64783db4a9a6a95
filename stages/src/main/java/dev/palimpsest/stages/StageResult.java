package dev.palimpsest.stages;

import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.stages.lineage.Lineage;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A finished stage, as recorded in {@code stage.json}.
 *
 * @param name the stage
 * @param fingerprint of its {@code StageIdentity}
 * @param checkpoint its last training checkpoint
 * @param scores results by moment ({@code before}, {@code at-N}, {@code after}) and suite
 * @param notes what happened at import or hand-over
 * @param exports exported folders and files
 * @param seconds wall time of the stage's training in the process that finished it
 * @param accepted changes of settings or data that the user accepted
 */
public record StageResult(
    String name,
    String fingerprint,
    Path checkpoint,
    Map<String, Map<String, SuiteResult>> scores,
    List<String> notes,
    List<Path> exports,
    double seconds,
    List<Lineage.Acceptance> accepted) {
  /** Keeps unmodifiable copies. */
  public StageResult {
    scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
    notes = List.copyOf(notes);
    exports = List.copyOf(exports);
    accepted = List.copyOf(accepted);
  }
}
