package dev.palimpsest.cli.launch;

import dev.palimpsest.cli.operating.MpiLauncher;
import dev.palimpsest.cli.operating.ProcessState;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.Signals;
import dev.palimpsest.cli.terminal.ThisJvm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run's processes on this machine: one; several under mpirun; or several with torchrun's
 * variables, by which those with GPUs find each other without mpirun, and all where this machine is
 * a node among others, as a pod of Kubernetes is.
 */
final class LocalProcesses {
  private static final Logger log = LoggerFactory.getLogger(LocalProcesses.class);

  /** How long the others may go on after one has failed. Their collectives fail by themselves. */
  private static final long GRACE_SECONDS = 60;

  private static final long KILL_SECONDS = 10;

  /** torchrun's. */
  private static final int PORT = 29_500;

  private final Job job;
  private final List<String> words;

  /**
   * Processes of a job.
   *
   * @param words of {@code run}, after the program
   */
  LocalProcesses(Job job, List<String> words) {
    this.job = job;
    this.words = words;
  }

  /** A process that was started, and how it is asked to stop. */
  private record Started(Process process, String signal) {
    void stop() {
      try {
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
      } catch (IOException e) {
        process.destroy();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The command lines, as they would be typed. */
  List<String> print() {
    Map<String, String> environment = System.getenv();
    if (job.processes() == 1) {
      return List.of(typed(concat(List.of("palimpsest"), words)));
    }
    if (!meetByVariables(environment)) {
      return List.of(typed(mpirun(MpiLauncher.OPEN_MPI, List.of("palimpsest"))));
    }
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < job.processes(); i++) {
      lines.add(
          variables(i, job.processes(), environment, PORT).entrySet().stream()
                  .map(e -> e.getKey() + "=" + e.getValue() + " ")
                  .collect(Collectors.joining())
              + typed(concat(List.of("palimpsest"), words)));
    }
    return lines;
  }

  /** Whether the processes find each other by variables, and need no mpirun between them. */
  private boolean meetByVariables(Map<String, String> environment) {
    return isNode(environment)
        || (job.gpus() > 0 && !"mpi".equals(environment.get("PALIMPSEST_COLLECTIVES")));
  }

  /** Whether Kubeflow's variables say that there are other nodes. */
  private static boolean isNode(Map<String, String> environment) {
    return nodes(environment) != 1;
  }

  /** How many nodes there are by Kubeflow's variables, with this one. */
  static int nodes(Map<String, String> environment) {
    return Integer.parseInt(environment.getOrDefault("PET_NNODES", "1"));
  }

  static String typed(List<String> command) {
    return command.stream()
        .map(
            word ->
                word.matches("[A-Za-z0-9_@%+=:,./-]+")
                    ? word
                    : "'" + word.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }

  /** Starts them, waits until they have ended, and returns how the run ended. */
  @SuppressWarnings("try") // the handlers are used by being set
  int run() {
    forget();
    List<Started> started = new ArrayList<>();
    int code;
    try (Signals signals =
        Signals.pass(
            () -> started.forEach(Started::stop),
            () -> started.forEach(one -> killTree(one.process().toHandle())))) {
      if (job.processes() == 1) {
        started.add(start(java(), Map.of(), "TERM"));
      } else if (!meetByVariables(System.getenv())) {
        started.add(startMpirun());
      } else {
        int port = isNode(System.getenv()) ? PORT : freePort();
        for (int i = 0; i < job.processes(); i++) {
          started.add(start(java(), variables(i, job.processes(), System.getenv(), port), "TERM"));
        }
      }
      code = await(started.stream().map(Started::process).toList());
    }
    List<ProcessState.Read> states = ProcessState.read(job.out().resolve("processes"));
    return judge(code, states);
  }

  /** So that what an earlier start has left does not count. */
  private void forget() {
    for (ProcessState.Read old : ProcessState.read(job.out().resolve("processes"))) {
      try {
        Files.deleteIfExists(
            job.out().resolve("processes").resolve("rank-%05d.json".formatted(old.rank())));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot clear " + job.out().resolve("processes"), e);
      }
    }
  }

  /** This JVM's own command, and then the run's words. */
  private List<String> java() {
    List<String> command = ThisJvm.command(List.of());
    command.add("dev.palimpsest.cli.Main");
    return concat(command, words);
  }

  private static List<String> concat(List<String> a, List<String> b) {
    List<String> all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  private static Started start(List<String> command, Map<String, String> more, String signal) {
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.environment().putAll(more);
    try {
      return new Started(builder.start(), signal);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + command.get(0), e);
    }
  }

  // ---- Under mpirun

  private Started startMpirun() {
    MpiLauncher mpi = MpiLauncher.installed();
    List<String> java = java();
    List<String> command = mpirun(mpi, java.subList(0, java.size() - words.size()));
    // In a session of its own the terminal's interrupt reaches this process alone, which passes it
    // on in the way that mpirun forwards: Open MPI's kills its ranks a second after SIGTERM.
    return start(concat(List.of("setsid"), command), mpi.environment(), mpi.signal());
  }

  private List<String> mpirun(MpiLauncher mpi, List<String> program) {
    return concat(concat(mpi.command(job.processes()), program), words);
  }

  // ---- With torchrun's variables

  /** So that two runs on this machine do not meet each other. */
  private static int freePort() {
    try (ServerSocket server = new ServerSocket(0)) {
      return server.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException("no port is free on this machine", e);
    }
  }

  /**
   * What torchrun would set for a process of this machine, which may be one of Kubeflow's nodes.
   *
   * @param port for the processes to meet, unless Kubeflow names one
   */
  static Map<String, String> variables(
      int local, int processes, Map<String, String> environment, int port) {
    int node = Integer.parseInt(environment.getOrDefault("PET_NODE_RANK", "0"));
    int nodes = nodes(environment);
    Map<String, String> variables = new LinkedHashMap<>();
    variables.put("RANK", Integer.toString(node * processes + local));
    variables.put("WORLD_SIZE", Integer.toString(nodes * processes));
    variables.put("LOCAL_RANK", Integer.toString(local));
    variables.put("LOCAL_WORLD_SIZE", Integer.toString(processes));
    variables.put("GROUP_RANK", Integer.toString(node));
    variables.put("MASTER_ADDR", environment.getOrDefault("PET_MASTER_ADDR", "127.0.0.1"));
    variables.put("MASTER_PORT", environment.getOrDefault("PET_MASTER_PORT", "" + port));
    return variables;
  }

  // ---- Their end

  /** Waits; once one has failed, the others have a while to notice. */
  private static int await(List<Process> processes) {
    int code = ExitCode.DONE.code();
    try {
      List<Process> running = new ArrayList<>(processes);
      long deadline = Long.MAX_VALUE;
      while (!running.isEmpty()) {
        if (running.get(0).waitFor(200, TimeUnit.MILLISECONDS) || running.size() > 1) {
          for (Process one : List.copyOf(running)) {
            if (!one.isAlive()) {
              running.remove(one);
              int own = one.exitValue();
              code = code == ExitCode.DONE.code() ? own : code;
              if (own != ExitCode.DONE.code() && deadline == Long.MAX_VALUE) {
                deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(GRACE_SECONDS);
              }
            }
          }
        }
        if (System.nanoTime() > deadline && deadline != Long.MAX_VALUE) {
          end(running);
        }
      }
    } catch (InterruptedException e) {
      processes.forEach(one -> killTree(one.toHandle()));
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
    return code;
  }

  private static void end(List<Process> running) throws InterruptedException {
    log.warn("{} processes go on after another has failed: they are ended", running.size());
    running.forEach(Process::destroy);
    for (Process one : running) {
      if (!one.waitFor(KILL_SECONDS, TimeUnit.SECONDS)) {
        killTree(one.toHandle());
      }
    }
  }

  private static void killTree(ProcessHandle handle) {
    handle.descendants().forEach(ProcessHandle::destroyForcibly);
    handle.destroyForcibly();
  }

  /**
   * How the run ended, judged by what its processes wrote last, because launchers may change exit
   * codes.
   *
   * @param code of the launcher between, or of the process itself
   */
  static int judge(int code, List<ProcessState.Read> states) {
    for (ProcessState.Read state : states) {
      if (state.exitCode().filter(c -> c == 0 || c == ExitCode.STOPPED.code()).isEmpty()) {
        log.warn(
            "rank {} on {} {}: {}",
            state.rank(),
            state.host(),
            state
                .exitCode()
                .map(c -> "ended with " + c)
                .orElse(
                    state.isLost()
                        ? "was killed, or its machine is lost"
                        : "was ended after another"),
            state.doing());
      }
    }
    if (states.isEmpty()) {
      return code;
    }
    List<Integer> codes =
        states.stream().map(ProcessState.Read::exitCode).flatMap(Optional::stream).toList();
    Optional<Integer> reason =
        codes.stream()
            .filter(
                c ->
                    c != ExitCode.DONE.code()
                        && c != ExitCode.STOPPED.code()
                        && c != ExitCode.INFRASTRUCTURE.code())
            .findFirst();
    if (reason.isPresent()) {
      return reason.get();
    }
    if (states.stream().anyMatch(ProcessState.Read::isLost)) {
      return ExitCode.INFRASTRUCTURE.code();
    }
    if (codes.size() < states.size()) {
      // Between two steps a signal ends a process at once, and its state stays behind.
      return code == ExitCode.STOPPED.code() ? code : ExitCode.INFRASTRUCTURE.code();
    }
    return codes.stream().max(Integer::compare).orElse(code);
  }
}
