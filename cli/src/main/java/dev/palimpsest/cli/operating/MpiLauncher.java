package dev.palimpsest.cli.operating;

import dev.palimpsest.cli.terminal.UserMistake;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The programs that are called mpirun, and the options that each needs. */
public enum MpiLauncher {
  OPEN_MPI,
  /** MPICH's, and those of Intel and others that descend from it. */
  MPICH;

  /**
   * The one on the PATH.
   *
   * @throws UserMistake when there is none
   */
  public static MpiLauncher installed() {
    try {
      Process version = new ProcessBuilder("mpirun", "--version").redirectErrorStream(true).start();
      String said = new String(version.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return said.contains("Open MPI") ? OPEN_MPI : MPICH;
    } catch (IOException e) {
      throw new UserMistake(
          "several processes are started by mpirun, which is not on the PATH; install Open MPI (Debian: apt-get install openmpi-bin) or MPICH");
    }
  }

  /** What comes before the program, to start so many processes of it on this machine. */
  public List<String> command(int processes) {
    List<String> command = new ArrayList<>(List.of("mpirun", "-np", Integer.toString(processes)));
    if (this == OPEN_MPI) {
      // Without the first, all threads of a rank share one core.
      command.addAll(List.of("--bind-to", "none", "--oversubscribe"));
      if (processes > Runtime.getRuntime().availableProcessors()) {
        command.addAll(List.of("--mca", "mpi_yield_when_idle", "1"));
      }
    }
    return command;
  }

  /** Variables to add to its environment. */
  public Map<String, String> environment() {
    Map<String, String> environment = new LinkedHashMap<>();
    // UCX would treat the JVM's signals as faults.
    environment.put("UCX_ERROR_SIGNALS", System.getenv().getOrDefault("UCX_ERROR_SIGNALS", ""));
    if (this == OPEN_MPI && "root".equals(System.getProperty("user.name"))) {
      environment.put("OMPI_ALLOW_RUN_AS_ROOT", "1");
      environment.put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    }
    return environment;
  }

  /** The signal that it passes on to its processes without ending them itself. */
  public String signal() {
    return this == OPEN_MPI ? "USR1" : "TERM";
  }
}
