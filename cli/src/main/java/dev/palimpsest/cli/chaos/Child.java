package dev.palimpsest.cli.chaos;

import dev.palimpsest.cli.operating.MpiLauncher;
import dev.palimpsest.cli.terminal.ThisJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A run of a recipe in a separate JVM, or in several under {@code mpirun}, with the classes and
 * options of this one.
 *
 * @param process the JVM or mpirun
 * @param log its standard error
 */
record Child(Process process, Path log) {
  /** How a child ended. */
  enum End {
    /** By itself, with exit code 0. */
    FINISHED,
    /** By SIGKILL. */
    KILLED
  }

  /**
   * Starts one.
   *
   * @param ranks number of JVMs
   * @param mainClass with a {@code main} method
   * @param properties system properties
   * @param log receives standard error
   */
  static Child start(
      int ranks,
      Class<?> mainClass,
      List<String> arguments,
      Map<String, String> properties,
      Path log) {
    List<String> command = new ArrayList<>();
    Map<String, String> environment = Map.of();
    if (ranks > 1) {
      MpiLauncher mpi = MpiLauncher.installed();
      command.addAll(mpi.command(ranks));
      environment = mpi.environment();
    }
    // It is short-lived: a fast start matters more than speed later.
    List<String> options =
        new ArrayList<>(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"));
    properties.forEach((name, value) -> options.add("-D" + name + "=" + value));
    command.addAll(ThisJvm.command(options));
    command.add(mainClass.getName());
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
    builder.environment().putAll(environment);
    builder.environment().put("OMPI_MCA_mpi_yield_when_idle", "1"); // for more ranks than cores
    try {
      return new Child(builder.start(), log);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + command.get(0), e);
    }
  }

  /**
   * Waits until it reports that it has reached its point, and then kills it, or until it ends.
   *
   * @param delayMillis time from the point to the kill
   * @throws IllegalStateException when it ends by itself with another code than 0
   */
  End killWhenReached(long delayMillis) {
    boolean killed = false;
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        if (line.startsWith(Victim.REACHED)) {
          Thread.sleep(delayMillis);
          // Not the process itself, which would close its output; of several JVMs, this one alone.
          long pid = Long.parseLong(line.substring(Victim.REACHED.length()).strip());
          ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
          killed = true;
        }
      }
      int code = process.waitFor();
      if (code == 0) {
        return End.FINISHED;
      }
      if (killed) { // MPICH's mpirun does not say 137
        return End.KILLED;
      }
      throw new IllegalStateException(
          "a run ended with code %d: %s".formatted(code, Files.readString(log)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
