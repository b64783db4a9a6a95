package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The launcher of ranks; tests that need it are skipped where there is none. */
public final class Mpirun {
  private Mpirun() {}

  /** Skips the test if there is none. */
  public static void require() {
    assumeTrue(
        isOnPath("mpirun"), "no mpirun here (Debian: apt-get install openmpi-bin libopenmpi3)");
  }

  /** Whether a program can be started by its name. */
  public static boolean isOnPath(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .anyMatch(path -> Files.isExecutable(Path.of(path, program)));
  }
}
