package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Signals that tests send to processes which they start. */
public final class Signals {
  private Signals() {}

  /**
   * Leaves a test out where a signal is not heard: a shell lets what it starts in the background
   * ignore SIGINT (2), and nohup SIGHUP (1), and processes inherit this.
   */
  public static void assumeHeard(int signal) throws IOException {
    Path status = Path.of("/proc/self/status");
    assumeTrue(Files.exists(status), "no way to see which signals are ignored");
    String ignored =
        Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .findFirst()
            .orElseThrow();
    int last = Character.digit(ignored.charAt(ignored.length() - 1), 16);
    assumeTrue((last >> (signal - 1)) % 2 == 0, "signal %d is ignored here".formatted(signal));
  }
}
