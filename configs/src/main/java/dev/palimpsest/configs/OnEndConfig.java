package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.List;

/**
 * A command that is run when a run has ended by itself: all is done, a gate has closed, or it
 * failed; not when a signal stopped it. It is started directly, without a shell, by the first rank,
 * with the variables {@code PALIMPSEST_RUN} (the run folder), {@code PALIMPSEST_STATE} ({@code
 * finished}, {@code gate-closed} or {@code failed}), {@code PALIMPSEST_EXIT_CODE} and {@code
 * PALIMPSEST_WHY} in addition to the run's own environment. What it prints is not kept, and its
 * arguments are not logged. Secrets still belong in its environment, because recipes are copied
 * into run folders and checkpoints. It never changes the run's exit code.
 *
 * @param command program and arguments
 * @param timeoutSeconds time after which it is ended, together with the processes that it has
 *     started
 */
public record OnEndConfig(List<String> command, @Default("60") int timeoutSeconds) {
  /** Checks that there is a program. */
  public OnEndConfig {
    new Check()
        .that(
            !command.isEmpty() && !command.get(0).isBlank(),
            "command",
            "must begin with a program, as in ['./notify.sh', done]")
        .range("timeoutSeconds", timeoutSeconds, 1, 86_400, "seconds")
        .done();
    command = List.copyOf(command);
  }
}
