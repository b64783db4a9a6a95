package dev.palimpsest.cli.operating;

import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.configs.OnEndConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The command that a recipe asks for at the end of a run. */
public final class EndCommand {
  private static final Logger log = LoggerFactory.getLogger(EndCommand.class);

  private EndCommand() {}

  /**
   * Runs it and waits for its end. That it fails is logged, without its arguments, and changes
   * nothing.
   *
   * @param run the run folder
   * @param code the run's exit code
   * @param gateClosed whether the run ended because a gate closed
   * @param why the run ended; empty if it is done
   */
  public static void run(OnEndConfig config, Path run, int code, boolean gateClosed, String why) {
    String name = String.valueOf(Path.of(config.command().get(0)).getFileName());
    ProcessBuilder builder =
        new ProcessBuilder(config.command())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder
        .environment()
        .putAll(
            Map.of(
                "PALIMPSEST_RUN",
                run.toAbsolutePath().normalize().toString(),
                "PALIMPSEST_STATE",
                state(code, gateClosed),
                "PALIMPSEST_EXIT_CODE",
                Integer.toString(code),
                "PALIMPSEST_WHY",
                why.replace("\0", "")));
    Process process;
    try {
      process = builder.start();
      process.getOutputStream().close();
    } catch (IOException e) {
      // The exception's own message has the arguments' environment in it on some systems.
      log.warn("onEnd: {} could not be started", name);
      return;
    }
    try {
      if (!process.waitFor(config.timeoutSeconds(), TimeUnit.SECONDS)) {
        end(process);
        log.warn("onEnd: {} was ended after {} seconds", name, config.timeoutSeconds());
      } else if (process.exitValue() != 0) {
        log.warn("onEnd: {} ended with exit code {}", name, process.exitValue());
      } else {
        log.info("onEnd: {} is done", name);
      }
    } catch (InterruptedException e) {
      end(process);
      Thread.currentThread().interrupt();
    }
  }

  private static void end(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  private static String state(int code, boolean gateClosed) {
    if (gateClosed) {
      return "gate-closed";
    }
    return code == ExitCode.DONE.code() ? "finished" : "failed";
  }
}
