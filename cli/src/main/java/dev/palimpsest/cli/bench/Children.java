package dev.palimpsest.cli.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.Json;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Measurements in processes of their own, one after the other, so that none inherits another's
 * memory, threads or compiled code. What they print is kept in a folder.
 */
final class Children {
  /**
   * What the launcher sets for our own processes. Peers run as their users start them, without it.
   */
  private static final Pattern OURS = Pattern.compile("(MALLOC_|GOMP_|GLIBC_TUNABLES).*");

  /** How long a signal that ended a child needs to end this process too, if it was for both. */
  private static final long SIGNAL_MILLIS = 500;

  private static final Pattern ERROR = Pattern.compile("(\\w+\\.)*\\w*(Error|Exception)\\b.*");

  private final Path launcher;
  private final Path folder;

  /**
   * Children whose output goes to a folder.
   *
   * @throws UserMistake if this process was not started by the launcher
   */
  Children(Path folder) {
    this.folder = folder;
    launcher = Checkout.path("palimpsest");
    if (!Files.isExecutable(launcher)) {
      throw new UserMistake("'bench all' starts the launcher; run it as './palimpsest bench all'");
    }
  }

  /** Facts about the machine, as {@code doctor} tells them. */
  Measured facts() {
    String name = "doctor";
    return run(name, launched(List.of(name, "--json", "--device", "cpu")), file(name, ".out"));
  }

  /**
   * One of our own commands, as users start it.
   *
   * @param name of its files
   * @param arguments to which {@code --json FILE} is added
   */
  Measured ours(String name, List<String> arguments) {
    return run(name, launched(withJson(name, arguments)), file(name, ".json"));
  }

  /**
   * A peer.
   *
   * @param command to which {@code --json FILE} is added
   */
  Measured peer(String name, List<String> command) {
    return run(name, peerBuilder(withJson(name, command)), file(name, ".json"));
  }

  private List<String> withJson(String name, List<String> command) {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of("--json", file(name, ".json").toString()));
    return all;
  }

  private Path file(String name, String ending) {
    return folder.resolve(name.replaceAll("[^A-Za-z0-9.]+", "-") + ending);
  }

  private ProcessBuilder launched(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of(launcher.toAbsolutePath().toString()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    // Sources that change meanwhile do not change what is measured, and the variables of another
    // engine are in the environment already.
    builder.environment().put("PALIMPSEST_CLASSPATH", classPath());
    builder.environment().put("PALIMPSEST_ENGINE", "cpu");
    return builder;
  }

  /** A process in the user's environment, without the launcher's choices. */
  static ProcessBuilder peerBuilder(List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> OURS.matcher(name).matches());
    return builder;
  }

  private Measured run(String name, ProcessBuilder builder, Path json) {
    Path err = file(name, ".err");
    builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    builder.redirectError(err.toFile());
    builder.redirectOutput(file(name, ".out").toFile());
    try {
      int code = builder.start().waitFor();
      if (code != 0) {
        if (code > ExitCode.SIGNALLED) {
          Thread.sleep(SIGNAL_MILLIS);
        }
        return Measured.failed("exit code %d: %s".formatted(code, reason(err)));
      }
      JsonNode figures = Json.STRICT.readTree(Files.readAllBytes(json));
      return new Measured(figures, "");
    } catch (IOException e) {
      return Measured.failed(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** The last line that names an error, or else the last line. */
  private static String reason(Path err) {
    List<String> lines;
    try {
      lines =
          new String(Files.readAllBytes(err), StandardCharsets.UTF_8)
              .lines()
              .map(String::strip)
              .filter(line -> !line.isEmpty())
              .toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + err, e);
    }
    return lines.stream()
        .filter(line -> ERROR.matcher(line).matches())
        .reduce((before, line) -> line)
        .orElse(lines.isEmpty() ? "without a word" : lines.get(lines.size() - 1));
  }

  private static String classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(File.pathSeparator));
  }
}
