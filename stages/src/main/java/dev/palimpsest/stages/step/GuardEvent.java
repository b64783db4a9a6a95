package dev.palimpsest.stages.step;

import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a stage's guard found in a step and did about it.
 *
 * @param what in words: {@code the loss is NaN}
 * @param action what became of the step
 * @param capsule folder from which the step can be replayed; null if the stage has already left the
 *     allowed number of them
 */
public record GuardEvent(String what, Action action, @Nullable Path capsule) {
  /** What happens to a suspicious step. */
  public enum Action {
    /** The step was made anyway. */
    NOTE,
    /** Its batch was consumed without an update. */
    SKIP,
    /** The run ends before the update. */
    STOP;

    /** In lower case. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
