package dev.palimpsest.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The launcher script with the classes under test, in a process of its own.
 *
 * @param out file that holds its standard output
 * @param err file that holds its standard error
 */
public record Launched(Process process, Path out, Path err) {
  private static final Path LAUNCHER = Path.of("..", "palimpsest").toAbsolutePath().normalize();

  /** A short life: quick to start beats quick in the end. */
  private static final String OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

  /** Starts a command, with variables of its own environment before. */
  public static Launched start(Path folder, Map<String, String> environment, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(LAUNCHER.toString()));
    command.addAll(arguments);
    return of(folder, environment, command);
  }

  /** Starts a line of the shell, in which {@code $palimpsest} is the launcher. */
  static Launched shell(Path folder, Map<String, String> environment, String line)
      throws IOException {
    return of(folder, environment, List.of("bash", "-c", line));
  }

  private static Launched of(Path folder, Map<String, String> environment, List<String> command)
      throws IOException {
    Path out = Files.createTempFile(folder, "launched", ".out");
    Path err = Files.createTempFile(folder, "launched", ".err");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    // The test's own settings for logs are not the program's.
    String classes =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(
                entry ->
                    !Files.exists(Path.of(entry, "logback-test.xml"))
                        && !Files.exists(Path.of(entry, "dev/palimpsest/cli/Launched.class")))
            .map(entry -> Path.of(entry).toAbsolutePath().toString())
            .collect(Collectors.joining(File.pathSeparator));
    builder.environment().put("palimpsest", LAUNCHER.toString());
    builder.environment().put("PALIMPSEST_CLASSPATH", classes);
    builder.environment().put("PALIMPSEST_JAVA_OPTS", OPTIONS);
    builder.environment().putAll(environment);
    return new Launched(builder.start(), out, err);
  }

  /** Waits for its end. */
  public Outcome finish() throws IOException, InterruptedException {
    boolean ended = process.waitFor(180, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertTrue(ended, "hangs: " + Files.readString(err));
    return new Outcome(
        process.exitValue(), Files.readString(out, UTF_8), Files.readString(err, UTF_8));
  }

  /** Sends a signal, and says how many seconds later the process ended. */
  public double end(String signal) throws IOException, InterruptedException {
    long began = System.nanoTime();
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertTrue(ended, "goes on after " + signal + ": " + Files.readString(err));
    return (System.nanoTime() - began) / 1e9;
  }
}
