package dev.palimpsest.stages;

import java.util.List;
import java.util.stream.Collectors;

/** A stage's scores do not meet a condition in its recipe, so that no later stage begins. */
public final class GateClosedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<StageResult> results;

  GateClosedException(String stage, List<GateVerdict> verdicts, List<StageResult> results) {
    super(
        "stopped after "
            + stage
            + ": "
            + verdicts.stream()
                .filter(verdict -> !verdict.holds())
                .map(GateVerdict::reason)
                .collect(Collectors.joining("; ")));
    this.results = List.copyOf(results);
  }

  /** The finished stages, the one with the gate last. */
  public List<StageResult> results() {
    return results;
  }
}
