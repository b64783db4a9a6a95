package dev.palimpsest.cli.machine;

import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.model.ranks.Group;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of a run's processes this one is, as its launcher says in environment variables.
 *
 * @param rank of this process, from 0
 * @param worldSize number of processes
 * @param localRank of this process among those of its node, from 0; the number of its GPU
 * @param localWorldSize number of processes on its node
 * @param node index of the node, from 0. Open MPI and MPICH do not tell it: there it is the rank
 *     divided by {@code localWorldSize}, which holds if nodes are filled one after another
 * @param masterAddress host of rank 0; null where the launcher does not name it
 * @param masterPort free port there for a rendezvous; 0 where the launcher does not name one
 * @param source whose variables were used
 */
public record ProcessGroup(
    int rank,
    int worldSize,
    int localRank,
    int localWorldSize,
    int node,
    @Nullable String masterAddress,
    int masterPort,
    Source source) {

  private static final Logger log = LoggerFactory.getLogger(ProcessGroup.class);

  /** Whose variables say what a process is, in the order in which they are looked for. */
  public enum Source {
    /** {@code RANK}, {@code WORLD_SIZE}, {@code LOCAL_RANK} and others. */
    TORCHRUN("torchrun's variables"),
    /** {@code PET_NNODES}, {@code PET_NODE_RANK} and others: one process a node. */
    KUBEFLOW("Kubeflow Trainer's PET_ variables"),
    /** {@code SLURM_PROCID} and others, in a task of srun. */
    SLURM("Slurm's variables"),
    /** {@code OMPI_COMM_WORLD_RANK} and others, as Open MPI's mpirun sets them. */
    OPEN_MPI("Open MPI's variables"),
    /** {@code PMI_RANK} and {@code PMI_SIZE}, as MPICH's mpirun and Intel's set them. */
    PMI("PMI's variables"),
    /** None of these: a process by itself. */
    NONE("no launcher's variables");

    private final String words;

    Source(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /** The first host of {@code n[03-05,9],m1}: its name up to the bracket, and what stands in it. */
  private static final Pattern HOSTS = Pattern.compile("([^,\\[]+)(?:\\[([^\\],-]+)[^\\]]*\\])?.*");

  /** {@code 2(x3)}: three nodes of two tasks. */
  private static final Pattern TASKS = Pattern.compile("(\\d+)(?:\\(x(\\d+)\\))?");

  /** Of ports that are derived from the name of a job. */
  private static final int FIRST_PORT = 20_000;

  private static final int PORTS = 10_000;

  private static final int TORCHRUN_PORT = 29_500;

  /** Checks that ranks lie within their sizes. */
  public ProcessGroup {
    requireWithin(source, "rank", rank, "number of processes", worldSize);
    requireWithin(
        source, "local rank", localRank, "number of processes on the node", localWorldSize);
    if (localWorldSize > worldSize) {
      throw contradiction(
          source,
          "%d processes on the node are more than %d in all".formatted(localWorldSize, worldSize));
    }
    if (node < 0) {
      throw contradiction(source, "the node's index is " + node);
    }
    if (masterPort < 0 || masterPort > 65_535) {
      throw contradiction(source, "%d is no port".formatted(masterPort));
    }
  }

  /** A process by itself. */
  public static ProcessGroup single() {
    return new ProcessGroup(0, 1, 0, 1, 0, null, 0, Source.NONE);
  }

  /**
   * Reads the variables of torchrun, Kubeflow Trainer, Slurm, Open MPI and PMI, in this order; the
   * first launcher that has set its own counts. The one exception is mpirun inside a Slurm job,
   * where Slurm's variables are those of the job's shell or of mpirun itself.
   *
   * @throws InvalidConfigException if variables contradict each other, or some are missing
   */
  public static ProcessGroup fromEnvironment(Map<String, String> environment) {
    Variables variables = new Variables(environment);
    Optional<ProcessGroup> mpi = openMpi(variables).or(() -> pmi(variables));
    Optional<ProcessGroup> slurm = slurm(variables);
    Optional<ProcessGroup> torchrun = torchrun(variables);
    if (torchrun.isPresent()) {
      // torchrun itself is often started by srun or mpirun, once a node; ranks that a script has
      // set
      // are those of the task that it runs in.
      if (!variables.has("TORCHELASTIC_RUN_ID")) {
        slurm.ifPresent(outer -> requireSame(torchrun.get(), outer));
        mpi.ifPresent(outer -> requireSame(torchrun.get(), outer));
      }
      return torchrun.get();
    }
    Optional<ProcessGroup> kubeflow = kubeflow(variables);
    if (kubeflow.isPresent()) {
      return kubeflow.get();
    }
    if (slurm.isPresent() && mpi.filter(inner -> !inner.isSameProcess(slurm.get())).isEmpty()) {
      return slurm.get();
    }
    return mpi.orElseGet(ProcessGroup::single);
  }

  /** Whether this process writes what a run has one of. */
  public boolean isFirst() {
    return rank == 0;
  }

  /** One line for the log. */
  public String describe() {
    return worldSize == 1
        ? "one process (%s)".formatted(source)
        : "rank %d of %d, on node %d as process %d of %d (%s)"
            .formatted(rank, worldSize, node, localRank, localWorldSize, source);
  }

  /**
   * Connects this process with the others.
   *
   * @param start what each of them must have been started with, by name
   * @param machine that this process computes with
   * @param folder as in {@link Collectives#join}
   * @param limit how long an operation may take
   * @param beside whether operations may run beside the computing, see {@link Machine#hasSpare}
   * @throws InvalidConfigException on every rank if one was started with something else
   */
  public Collectives connect(
      Map<String, String> start, Machine machine, Path folder, Duration limit, boolean beside) {
    Collectives ranks =
        Collectives.join(
            new Group(rank, worldSize, masterAddress, masterPort),
            machine.manager(),
            folder.toAbsolutePath(),
            limit,
            beside);
    if (!ranks.isAlone()) {
      SameStart.require(ranks, start);
      log.info(
          "{} ranks connected by {}; gradients are exchanged {}",
          ranks.size(),
          ranks.transport(),
          ranks.isBeside() ? "during the backward pass" : "between computations");
    }
    return ranks;
  }

  // ---- One method a launcher

  private static Optional<ProcessGroup> torchrun(Variables v) {
    if (!v.has("RANK") && !v.has("WORLD_SIZE")) {
      return Optional.empty();
    }
    Source source = Source.TORCHRUN;
    int rank = v.number(source, "RANK");
    int size = v.number(source, "WORLD_SIZE");
    boolean alone = size == 1;
    int localRank = alone ? v.number(source, "LOCAL_RANK", 0) : v.number(source, "LOCAL_RANK");
    int localSize = v.number(source, "LOCAL_WORLD_SIZE", size);
    int node =
        v.number(
            source,
            v.has("GROUP_RANK") ? "GROUP_RANK" : "NODE_RANK",
            rank / Math.max(1, localSize));
    return Optional.of(
        new ProcessGroup(
            rank,
            size,
            localRank,
            localSize,
            node,
            v.text("MASTER_ADDR"),
            agentsOr(v, v.number(source, "MASTER_PORT", 0)),
            source));
  }

  /** torchrun's own process listens at the port that it names; the next one is free. */
  private static int agentsOr(Variables v, int port) {
    return port > 0 && "True".equals(v.text("TORCHELASTIC_USE_AGENT_STORE")) ? port + 1 : port;
  }

  /**
   * What a pod has without torchrun: the number of its node. If it is to have several processes,
   * the pod's own starter ({@code launch --to local}) gives each the variables of torchrun.
   */
  private static Optional<ProcessGroup> kubeflow(Variables v) {
    if (!v.has("PET_NNODES") && !v.has("PET_NODE_RANK")) {
      return Optional.empty();
    }
    Source source = Source.KUBEFLOW;
    int nodes = v.number(source, "PET_NNODES");
    int node = v.number(source, "PET_NODE_RANK");
    String processes = Objects.requireNonNullElse(v.text("PET_NPROC_PER_NODE"), "1");
    if (!processes.equals("1")) {
      throw contradiction(
          source,
          "PET_NPROC_PER_NODE is %s, but nothing says which of a node's processes this is; start it with './palimpsest launch RECIPE --to local --processes N', or with torchrun --no-python"
              .formatted(processes));
    }
    return Optional.of(
        new ProcessGroup(
            node,
            nodes,
            0,
            1,
            node,
            v.text("PET_MASTER_ADDR"),
            v.number(source, "PET_MASTER_PORT", TORCHRUN_PORT),
            source));
  }

  /**
   * Only srun's tasks are of a group: a job's batch script has these variables too, but no step.
   */
  private static Optional<ProcessGroup> slurm(Variables v) {
    if (!v.has("SLURM_PROCID") || !v.has("SLURM_STEP_ID")) {
      return Optional.empty();
    }
    Source source = Source.SLURM;
    int rank = v.number(source, "SLURM_PROCID");
    int size =
        v.number(source, v.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS");
    int node = v.number(source, "SLURM_NODEID");
    String tasks =
        v.text(
            v.has("SLURM_STEP_TASKS_PER_NODE")
                ? "SLURM_STEP_TASKS_PER_NODE"
                : "SLURM_TASKS_PER_NODE");
    List<Integer> byNode = tasksByNode(tasks == null ? Integer.toString(size) : tasks);
    if (node >= byNode.size()) {
      throw contradiction(
          source, "SLURM_NODEID is %d, but the tasks by node are %s".formatted(node, tasks));
    }
    String hosts =
        v.text(v.has("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST");
    String named = v.text("MASTER_ADDR");
    int job = v.number(source, "SLURM_JOB_ID", 0);
    return Optional.of(
        new ProcessGroup(
            rank,
            size,
            v.number(source, "SLURM_LOCALID"),
            byNode.get(node),
            node,
            named != null || hosts == null ? named : firstHost(hosts),
            v.number(source, "MASTER_PORT", FIRST_PORT + job % PORTS),
            source));
  }

  private static Optional<ProcessGroup> openMpi(Variables v) {
    return mpi(
        v,
        Source.OPEN_MPI,
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE");
  }

  private static Optional<ProcessGroup> pmi(Variables v) {
    return mpi(v, Source.PMI, "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS");
  }

  private static Optional<ProcessGroup> mpi(
      Variables v, Source source, String rank, String size, String localRank, String localSize) {
    if (!v.has(rank) && !v.has(size)) {
      return Optional.empty();
    }
    int ownRank = v.number(source, rank);
    int worldSize = v.number(source, size);
    int onNode = v.number(source, localSize, worldSize);
    String job = v.text("PMIX_NAMESPACE");
    boolean isHere = !v.has("MASTER_ADDR") && onNode == worldSize && job != null;
    return Optional.of(
        new ProcessGroup(
            ownRank,
            worldSize,
            v.number(source, localRank, ownRank % Math.max(1, onNode)),
            onNode,
            ownRank / Math.max(1, onNode),
            isHere ? "127.0.0.1" : v.text("MASTER_ADDR"),
            // The same for all processes of a job, and hardly that of another one.
            v.number(
                source,
                "MASTER_PORT",
                isHere ? FIRST_PORT + Math.floorMod(Objects.hashCode(job), PORTS) : 0),
            source));
  }

  // ---- Slurm's short forms

  /** {@code 2(x3),1} as 2, 2, 2, 1. */
  private static List<Integer> tasksByNode(String tasks) {
    List<Integer> byNode = new ArrayList<>();
    for (String part : tasks.split(",")) {
      Matcher m = TASKS.matcher(part.strip());
      if (!m.matches()) {
        throw contradiction(Source.SLURM, "'%s' is not a list of tasks by node".formatted(tasks));
      }
      int repeated = m.group(2) == null ? 1 : Integer.parseInt(m.group(2));
      for (int i = 0; i < repeated; i++) {
        byNode.add(Integer.parseInt(m.group(1)));
      }
    }
    return byNode;
  }

  private static String firstHost(String hosts) {
    Matcher m = HOSTS.matcher(hosts);
    if (!m.matches()) {
      throw contradiction(Source.SLURM, "'%s' is not a list of hosts".formatted(hosts));
    }
    return m.group(1) + (m.group(2) == null ? "" : m.group(2));
  }

  // ---- Contradictions

  private boolean isSameProcess(ProcessGroup other) {
    return rank == other.rank && worldSize == other.worldSize;
  }

  private static void requireSame(ProcessGroup a, ProcessGroup b) {
    if (!a.isSameProcess(b)) {
      throw mistake(
          "the process group is ambiguous: by %s this is rank %d of %d, by %s rank %d of %d; unset those that are not meant"
              .formatted(a.source, a.rank, a.worldSize, b.source, b.rank, b.worldSize));
    }
  }

  private static void requireWithin(Source source, String what, int value, String of, int size) {
    if (size < 1 || value < 0 || value >= size) {
      throw contradiction(
          source, "the %s is %d, but the %s is %d".formatted(what, value, of, size));
    }
  }

  private static InvalidConfigException contradiction(Source source, String what) {
    return mistake("%s contradict each other: %s".formatted(source, what));
  }

  private static InvalidConfigException mistake(String what) {
    return new InvalidConfigException(List.of(new Problem("environment", what)));
  }

  /** The environment; an empty variable counts as absent. */
  private record Variables(Map<String, String> environment) {
    boolean has(String name) {
      return text(name) != null;
    }

    @Nullable String text(String name) {
      String value = environment.get(name);
      return value == null || value.isBlank() ? null : value.strip();
    }

    int number(Source source, String name) {
      String value = text(name);
      if (value == null) {
        throw mistake("%s are incomplete: %s is not set".formatted(source, name));
      }
      try {
        return Integer.parseInt(value);
      } catch (NumberFormatException e) {
        throw mistake("%s must be a whole number, got '%s'".formatted(name, value));
      }
    }

    int number(Source source, String name, int absent) {
      return has(name) ? number(source, name) : absent;
    }
  }
}
