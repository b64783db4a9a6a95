package dev.palimpsest.cli.operating;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.machine.ProcessGroup;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.training.Activity;
import dev.palimpsest.stages.training.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a process of a run is doing, kept in a file as long as it makes progress: its modification
 * time is the process's heartbeat, and its last content says how the process ended, whatever
 * launchers in between turn the exit code into.
 */
public final class ProcessState implements Progress, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProcessState.class);

  /** Between two beats. Probes allow several times as much. */
  static final Duration BEAT = Duration.ofSeconds(5);

  private static final String STOPPING = "stopping";

  private final Path file;
  private final ProcessGroup group;
  private final Duration patience;
  private final List<Runnable> onBeat = new ArrayList<>();
  private final Thread thread;
  private Activity activity = Activity.START;
  private String stage = "";
  private long examples;
  private long lastProgress = System.nanoTime();
  private boolean begun;
  private boolean asked;
  private boolean ended;

  /**
   * The state of this process, which is kept from its first event on: only then does the run folder
   * belong to it.
   *
   * @param file replaced at each beat
   * @param patience a process that takes longer for a step, or for whatever it does otherwise, no
   *     longer beats
   */
  public ProcessState(Path file, ProcessGroup group, Duration patience) {
    this.file = file.toAbsolutePath();
    this.group = group;
    this.patience = patience;
    thread = Daemons.thread("heartbeat", this::beat);
  }

  /** Adds something to be done at each beat. */
  public synchronized void onBeat(Runnable action) {
    onBeat.add(action);
  }

  private void beat() {
    try {
      while (true) {
        Thread.sleep(BEAT.toMillis());
        synchronized (this) {
          if (ended) {
            return;
          }
          if (isAlive()) {
            writeAlive();
          }
          onBeat.forEach(Runnable::run);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (UncheckedIOException e) {
      // The run goes on without: its own writes will tell what is wrong with the disk.
      log.warn("no heartbeat any more", e);
    }
  }

  /** Whether the process has made progress within its patience. */
  public synchronized boolean isAlive() {
    // Who waits for other ranks is watched by them: a collective that hangs ends its process.
    return activity == Activity.COLLECTIVE || System.nanoTime() - lastProgress < patience.toNanos();
  }

  /** What it is doing, in words. */
  public synchronized String describe() {
    return "%s%s, %d examples, last progress %d s ago"
        .formatted(
            word(activity),
            stage.isEmpty() ? "" : " in " + stage,
            examples,
            Duration.ofNanos(System.nanoTime() - lastProgress).toSeconds());
  }

  @Override
  public synchronized void start(StageConfig config, long fromExamples) {
    progressed();
    stage = config.name();
    examples = fromExamples;
  }

  @Override
  public synchronized void step(StageConfig config, StepMetrics metrics) {
    progressed();
    examples = metrics.examples();
  }

  @Override
  public synchronized void turnTo(Activity next) {
    progressed();
    activity = next;
    if (!begun) {
      begun = true;
      writeAlive();
      thread.start();
    }
  }

  @Override
  public synchronized void end() {
    progressed();
  }

  private void progressed() {
    lastProgress = System.nanoTime();
  }

  /**
   * The process was asked to stop. If it is killed before it has done so, as launchers do when
   * another process has died, its state says that it was not the first.
   */
  public synchronized void askedToStop() {
    asked = true;
    if (begun && !ended) {
      writeAlive();
    }
  }

  private void writeAlive() {
    write(asked ? STOPPING : "running", null, "");
  }

  /** Records how the process ends. */
  public synchronized void end(int exitCode, String message) {
    ended = true;
    if (!begun) {
      return;
    }
    write(
        exitCode == ExitCode.DONE.code()
            ? "done"
            : exitCode == ExitCode.STOPPED.code() ? "stopped" : "failed",
        exitCode,
        message);
  }

  private void write(String state, @Nullable Integer exitCode, String message) {
    ObjectNode json = Json.STRICT.createObjectNode();
    json.put("state", state);
    json.put("rank", group.rank());
    json.put("worldSize", group.worldSize());
    json.put("host", host());
    json.put("pid", ProcessHandle.current().pid());
    json.put("activity", word(activity));
    json.put("stage", stage);
    json.put("examples", examples);
    json.put("at", Instant.now().toString());
    if (exitCode != null) {
      json.put("exitCode", exitCode);
      json.put("message", message);
    }
    try {
      Path next =
          file.resolveSibling("." + file.getFileName() + "." + ProcessHandle.current().pid());
      Files.writeString(next, Json.indented(json), StandardCharsets.UTF_8);
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  private static String word(Activity activity) {
    return activity.name().toLowerCase(Locale.ROOT);
  }

  /** The name of this machine. */
  public static String host() {
    String named = System.getenv("SLURMD_NODENAME");
    if (named != null) {
      return named;
    }
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  /**
   * How a process ended, or what it was doing.
   *
   * @param exitCode empty as long as it has not ended by itself
   */
  public record Read(
      String state, int rank, String host, Instant at, Optional<Integer> exitCode, String doing) {
    /**
     * Whether it was killed, and no launcher had asked it to stop before: its machine may be ill.
     */
    public boolean isLost() {
      return exitCode.isEmpty() && !state.equals(STOPPING);
    }
  }

  /** The states in a folder of them, by rank; those that cannot be read are left out. */
  public static List<Read> read(Path folder) {
    List<Read> states = new ArrayList<>();
    if (!Files.isDirectory(folder)) {
      return states;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file :
          files
              .filter(f -> String.valueOf(f.getFileName()).matches("rank-\\d+\\.json"))
              .sorted()
              .toList()) {
        JsonNode json = Json.STRICT.readTree(Files.readString(file));
        states.add(
            new Read(
                json.path("state").asText(),
                json.path("rank").asInt(),
                json.path("host").asText(),
                Files.getLastModifiedTime(file).toInstant(),
                json.has("exitCode")
                    ? Optional.of(json.path("exitCode").asInt())
                    : Optional.empty(),
                Objects.toString(
                    json.path("message").textValue(), json.path("activity").asText())));
      }
    } catch (JsonProcessingException e) {
      log.debug("no state", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + folder, e);
    }
    return states;
  }

  @Override
  public void close() {
    synchronized (this) {
      ended = true;
    }
    thread.interrupt();
  }
}
