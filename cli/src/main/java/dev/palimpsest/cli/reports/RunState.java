package dev.palimpsest.cli.reports;

import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.stages.folder.RunEnd;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Whether a run is alive, and if not, how it ended.
 *
 * @param kind for programs
 * @param why in a sentence; may be empty
 */
public record RunState(Kind kind, String why) {
  /** Kinds of states. */
  public enum Kind {
    /** A process works on it. */
    RUNNING,
    /** All stages are finished. */
    FINISHED,
    /** It was asked to stop. */
    STOPPED,
    /** A gate closed, training diverged, or there was a mistake or a fault. */
    FAILED,
    /** Its process ended without recording why, as after a kill or a loss of power. */
    KILLED
  }

  /** The state of a run folder. */
  public static RunState of(RunData run) {
    Path lock = run.root().resolve("run.lock");
    if (FolderLock.isHeld(lock)) {
      return new RunState(Kind.RUNNING, FolderLock.holder(lock));
    }
    Optional<RunEnd> end = RunEnd.of(run.root());
    boolean finished =
        run.stages().size() == run.recipe().stages().size()
            && run.stages().stream().allMatch(stage -> stage.finished().isPresent());
    if (finished && (end.isEmpty() || end.get().exitCode() == 0)) {
      return new RunState(Kind.FINISHED, "");
    }
    return end.map(
            e ->
                new RunState(
                    e.exitCode() == ExitCode.STOPPED.code() ? Kind.STOPPED : Kind.FAILED, e.why()))
        .orElse(new RunState(Kind.KILLED, "ended without a word, " + FolderLock.holder(lock)));
  }

  /** In lower case. */
  public String word() {
    return kind.name().toLowerCase(java.util.Locale.ROOT);
  }
}
