package dev.palimpsest.stages.training;

import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a stage's guard found in a step, and did.
 *
 * @param what in words: {@code the loss is NaN}
 * @param action what became of the step
 * @param capsule folder from which the step can be replayed; null when the stage has left as many
 *     as it may
 */
public record GuardEvent(String what, Action action, @Nullable Path capsule) {
  /** What becomes of a step that stands out. */
  public enum Action {
    /** The step was made all the same. */
    NOTE,
    /** Its batch was used up and moved nothing. */
    SKIP,
    /** The run ends before the update. */
    STOP;

    /** In lower case. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
