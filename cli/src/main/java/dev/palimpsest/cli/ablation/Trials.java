package dev.palimpsest.cli.ablation;

import dev.palimpsest.cli.ablation.Ablation.Trial;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.cli.terminal.ThisJvm;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.files.Daemons;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The runs of an ablation, each a process of its own, several at a time. */
final class Trials {
  /** In a run's folder: what it was when it ended well, so that it need not be started again. */
  private static final String DONE = "trial.json";

  private static final long LOOK_MILLIS = 200;

  private final Ablation ablation;
  private final @Nullable String device;
  private final Consumer<String> say;
  private final Queue<Trial> waiting = new ArrayDeque<>();
  private final Set<Process> running = ConcurrentHashMap.newKeySet();
  private final Map<Trial, Integer> codes = new LinkedHashMap<>();
  private int jobs;
  private int ended;
  private double seconds;
  private volatile boolean stopping;

  /**
   * Runs that are still to be started.
   *
   * @param device as in {@code --device}; null for the default
   * @param say receives what is told meanwhile
   */
  Trials(Ablation ablation, @Nullable String device, Consumer<String> say) {
    this.ablation = ablation;
    this.device = device;
    this.say = say;
  }

  /**
   * Runs what is not done yet. A first signal is passed on to the runs, which save and stop.
   *
   * @param jobs how many at a time
   * @return exit codes of all runs; those that were not started have {@link ExitCode#STOPPED}
   */
  @SuppressWarnings("try") // the handlers are used by being set
  Map<Trial, Integer> run(int jobs) throws InterruptedException {
    this.jobs = jobs;
    for (Trial trial : ablation.trials()) {
      codes.put(trial, isDone(trial) ? ExitCode.DONE.code() : ExitCode.STOPPED.code());
      if (isDone(trial)) {
        say.accept(trial.words() + ": done before");
      } else {
        waiting.add(trial);
      }
    }
    if (!waiting.isEmpty()) {
      say.accept(
          "%d of %d runs to do; what they say goes to %s"
              .formatted(waiting.size(), ablation.trials().size(), ablation.logs()));
    }
    List<Thread> workers = new ArrayList<>();
    try (Signals signals = Signals.pass(this::stop, this::kill)) {
      for (int i = 0; i < Math.min(jobs, waiting.size()); i++) {
        Thread worker = Daemons.thread("trials-" + i, this::work);
        worker.start();
        workers.add(worker);
      }
      for (Thread worker : workers) {
        worker.join();
      }
    }
    return codes;
  }

  private void stop() {
    stopping = true;
    running.forEach(Process::destroy);
  }

  private void kill() {
    running.forEach(process -> process.descendants().forEach(ProcessHandle::destroyForcibly));
    running.forEach(Process::destroyForcibly);
  }

  private void work() {
    for (Trial trial = next(); trial != null; trial = next()) {
      long began = System.nanoTime();
      say.accept(trial.words() + ": begins");
      int code = run(trial);
      double took = (System.nanoTime() - began) / 1e9;
      synchronized (this) {
        codes.put(trial, code);
        say.accept(trial.words() + ": " + outcome(trial, code, took));
      }
    }
  }

  /** How a run has ended, and what is left. */
  private String outcome(Trial trial, int code, double took) {
    String last = lastLine(ablation.log(trial));
    if (code == ExitCode.STOPPED.code()) {
      return last;
    }
    ended++;
    seconds += took;
    long left = codes.values().stream().filter(other -> other == ExitCode.STOPPED.code()).count();
    String rest =
        left == 0
            ? ""
            : "; %d to go, about %s"
                .formatted(left, RunProgress.clock(Math.round(seconds / ended * left / jobs)));
    return code == ExitCode.DONE.code()
        ? "%s in %.0f s%s".formatted(value(trial), took, rest)
        : "ended with exit code %d: %s%s".formatted(code, last, rest);
  }

  private String value(Trial trial) {
    try {
      return Measured.of(trial, ablation.scale()).words();
    } catch (UserMistake e) {
      return String.valueOf(e.getMessage()); // the table ends with it when all runs have
    }
  }

  private synchronized @Nullable Trial next() {
    return stopping ? null : waiting.poll();
  }

  private int run(Trial trial) {
    List<String> command = ThisJvm.command(List.of());
    command.add("dev.palimpsest.cli.Main");
    command.addAll(words(trial));
    Path log = ablation.log(trial);
    try {
      Files.createDirectories(log.getParent());
      if (!awaitEarlier(trial)) {
        return ExitCode.STOPPED.code();
      }
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
      builder.redirectErrorStream(true);
      builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
      Process process = builder.start();
      running.add(process);
      if (stopping) {
        process.destroy();
      }
      int code = process.waitFor();
      running.remove(process);
      if (code == ExitCode.DONE.code()) {
        RunFolder.writeJson(trial.folder().resolve(DONE), Map.of("trial", identity(trial)));
      }
      return code;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + command.get(0), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /**
   * Waits for a run that an earlier start of this command has left behind, as a kill does.
   *
   * @return false if this command is to stop
   */
  private boolean awaitEarlier(Trial trial) throws InterruptedException {
    Path lock = trial.folder().resolve("run.lock");
    if (FolderLock.isHeld(lock)) {
      say.accept(
          "%s: waits for the end of %s, which an earlier start has left"
              .formatted(trial.words(), FolderLock.holder(lock)));
    }
    while (FolderLock.isHeld(lock) && !stopping) {
      Thread.sleep(LOOK_MILLIS);
    }
    return !stopping;
  }

  private List<String> words(Trial trial) {
    List<String> words = new ArrayList<>(List.of("run", ablation.scale().recipe()));
    words.addAll(List.of("--out", trial.folder().toString()));
    words.addAll(List.of("--until", ablation.scale().stage()));
    words.addAll(List.of("--share", ablation.shared().toString()));
    if (device != null) {
      words.addAll(List.of("--device", device));
    }
    trial.sets().forEach(set -> words.addAll(List.of("--set", set)));
    return words;
  }

  /** Everything that determines a run. */
  private String identity(Trial trial) {
    return Fingerprint.of(trial.recipe()) + " until " + ablation.scale().stage();
  }

  private boolean isDone(Trial trial) {
    return RunFolder.readJson(trial.folder().resolve(DONE))
        .filter(json -> json.path("trial").asText().equals(identity(trial)))
        .isPresent();
  }

  /** What a run said last. */
  static String lastLine(Path log) {
    try {
      List<String> lines =
          new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
              .lines()
              .map(String::strip)
              .filter(line -> !line.isEmpty())
              .toList();
      return lines.isEmpty() ? "without a word" : lines.get(lines.size() - 1);
    } catch (IOException e) {
      return "its output cannot be read: " + log;
    }
  }
}
