package dev.palimpsest.cli.launch;

import dev.palimpsest.cli.commands.RecipeOptions;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.step.Divisible;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest launch}: a recipe on several processes, here or on a cluster. */
@Command(
    name = "launch",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a recipe on several processes: on this machine, as a chain of Slurm jobs, or on Kubernetes.",
      "local starts them and waits; slurm submits a job for each stage; jobset and trainjob print manifests for 'kubectl apply -f -'.",
      "--print shows what would be started or submitted, and does nothing."
    })
public final class LaunchCommand implements Callable<Integer> {
  private static final Pattern VOLUME = Pattern.compile("([a-z0-9.-]+):(/.*)");

  @Spec CommandSpec spec;

  @Mixin RecipeOptions recipe;

  /** Where to. */
  enum Target {
    LOCAL,
    SLURM,
    JOBSET,
    TRAINJOB
  }

  @Option(
      names = "--to",
      required = true,
      paramLabel = "local|slurm|jobset|trainjob",
      description = "Who starts the processes.")
  Target target = Target.LOCAL;

  @Option(
      names = "--processes",
      paramLabel = "P",
      description =
          "Processes on each node. Default: the number of its GPUs, or 1. Several on one machine are started by mpirun, or without it if each has a GPU.")
  @Nullable Integer processes;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "1",
      description = "Machines. Default: ${DEFAULT-VALUE}.")
  int nodes = 1;

  @Option(
      names = "--gpus-per-node",
      paramLabel = "G",
      defaultValue = "0",
      description = "GPUs of each machine. Default: ${DEFAULT-VALUE}.")
  int gpus;

  @Option(names = "--until", paramLabel = "STAGE", description = "Ends after this stage.")
  @Nullable String until;

  @Option(
      names = "--option",
      paramLabel = "WORD",
      description =
          "An option of 'run', such as --accept-changes=stage1. May be given several times.")
  List<String> options = List.of();

  @Option(names = "--print", description = "Shows what would be started or submitted.")
  boolean print;

  @Option(
      names = "--restarts",
      paramLabel = "R",
      defaultValue = "3",
      description =
          "slurm, jobset, trainjob: how often a stage may start again after a machine or the network failed. Stops by a signal do not count. Default: ${DEFAULT-VALUE}.")
  int restarts = 3;

  @Option(
      names = "--time",
      paramLabel = "LIMIT",
      description =
          "slurm: time limit of each job, such as 12:00:00. A stage that takes longer continues in the"
              + " same job, which is queued again.")
  @Nullable String time;

  @Option(
      names = "--signal-seconds",
      paramLabel = "S",
      defaultValue = "300",
      description =
          "slurm: how long before the limit a run is asked to save and stop; at least a step and a save. Default: ${DEFAULT-VALUE}.")
  int signalSeconds = 300;

  @Option(
      names = "--mpi",
      paramLabel = "TYPE",
      description =
          "slurm: for srun --mpi: pmix for Open MPI, pmi2 for MPICH, none where ranks need no MPI. Default: none with GPUs, which NCCL connects, pmix without.")
  @Nullable String mpi;

  @Option(
      names = "--cpus",
      paramLabel = "C",
      description = "slurm: processors of each process; jobset, trainjob: of each node.")
  @Nullable Integer cpus;

  @Option(
      names = "--sbatch",
      paramLabel = "OPTION",
      description =
          "slurm: a further option of sbatch, such as --sbatch=--partition=gpu. May be given several times.")
  List<String> sbatch = List.of();

  @Option(
      names = "--image",
      paramLabel = "IMAGE",
      defaultValue = "palimpsest:latest",
      description =
          "jobset, trainjob: the image that the Dockerfile builds. Default: ${DEFAULT-VALUE}.")
  String image = "palimpsest:latest";

  @Option(
      names = "--volume",
      paramLabel = "CLAIM:PATH",
      defaultValue = "palimpsest:/runs",
      description =
          "jobset, trainjob: the volume claim that holds run folders and data, and where it is mounted. Default: ${DEFAULT-VALUE}.")
  String volume = "palimpsest:/runs";

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      description = "jobset, trainjob: memory of each node, such as 200Gi.")
  @Nullable String memory;

  @Option(
      names = "--queue",
      paramLabel = "NAME",
      description = "jobset, trainjob: a local queue of Kueue, which starts the run.")
  @Nullable String queue;

  @Option(
      names = "--namespace",
      paramLabel = "NAME",
      description = "jobset, trainjob: the namespace.")
  @Nullable String namespace;

  @Option(
      names = "--grace",
      paramLabel = "S",
      defaultValue = "600",
      description =
          "jobset, trainjob: seconds from the request to stop to the kill; at least a step and a save. Default: ${DEFAULT-VALUE}.")
  int grace = 600;

  @Override
  public Integer call() {
    List<Problem> mistakes = new ArrayList<>(LaunchChecks.of(this));
    Supplier<Integer> launched = () -> ExitCode.MISTAKE.code();
    try {
      launched = prepared();
    } catch (InvalidConfigException e) {
      mistakes.addAll(e.problems());
    } catch (UserMistake e) {
      mistakes.add(new Problem("", String.valueOf(e.getMessage())));
    }
    if (!mistakes.isEmpty()) {
      throw new InvalidConfigException(mistakes);
    }
    return launched.get();
  }

  /** Everything up to the start; what it returns starts, submits or prints. */
  private Supplier<Integer> prepared() {
    PrintWriter out = spec.commandLine().getOut();
    return switch (target) {
      case LOCAL -> {
        Job job = here();
        LocalProcesses local = new LocalProcesses(job, job.run(job.recipe(), until));
        yield () -> print ? printed(local.print()) : local.run();
      }
      case SLURM -> {
        SlurmChain chain =
            new SlurmChain(
                here(),
                new SlurmChain.Settings(
                    time,
                    signalSeconds,
                    mpi == null ? gpus > 0 ? "none" : "pmix" : mpi,
                    restarts,
                    cpus,
                    sbatch),
                System.getenv().getOrDefault("PALIMPSEST_LAUNCHER", "palimpsest"),
                System.getenv().getOrDefault("PALIMPSEST_ENGINE", "cpu"));
        yield () -> print ? printed(chain.print().lines().toList()) : printed(chain.submit());
      }
      case JOBSET, TRAINJOB -> {
        String manifests = manifests();
        yield () -> {
          out.print(manifests);
          return ExitCode.DONE.code();
        };
      }
    };
  }

  private int printed(List<String> lines) {
    lines.forEach(spec.commandLine().getOut()::println);
    return ExitCode.DONE.code();
  }

  private Job here() {
    Path folder = recipe.folder().toAbsolutePath().normalize();
    return job(folder, recipe.bind(), recipe.recipe().toAbsolutePath().normalize());
  }

  private String manifests() {
    Matcher m = VOLUME.matcher(volume);
    if (!m.matches()) {
      throw new UserMistake("--volume must be CLAIM:/PATH, got '%s'".formatted(volume));
    }
    Path mount = Path.of(m.group(2)).normalize();
    Path folder = recipe.folder(mount);
    PipelineConfig config = recipe.bind(folder);
    Job job = job(folder, config, recipe.recipe());
    Manifests manifests =
        new Manifests(
            // The values of --set are in the recipe that is sent along.
            new Job(
                job.name(),
                job.recipe(),
                ConfigYaml.write(config),
                job.stages(),
                job.out(),
                options,
                nodes,
                job.processes(),
                gpus),
            new Manifests.Settings(
                image,
                m.group(1),
                mount,
                queue,
                namespace,
                grace,
                restarts,
                cpus == null ? null : cpus.toString(),
                memory));
    return Manifests.yaml(target == Target.JOBSET ? manifests.jobSet() : manifests.trainJob());
  }

  private Job job(Path folder, PipelineConfig config, Path file) {
    List<String> stages = config.stages().stream().map(StageConfig::name).toList();
    List<String> wanted = stages;
    List<Problem> problems = new ArrayList<>();
    if (until != null && !stages.contains(until)) {
      problems.add(
          new Problem(
              "--until",
              "'%s' is not a stage of this recipe%s"
                  .formatted(until, Suggestion.among(until, stages))));
    } else if (until != null) {
      wanted = stages.subList(0, stages.indexOf(until) + 1);
    }
    int perNode = processes == null ? Math.max(1, gpus) : processes;
    if (nodes > 0 && perNode > 0) {
      RunFolder run = new RunFolder(folder);
      List<String> jobs = wanted;
      problems.addAll(
          Divisible.problems(
              config,
              stage -> jobs.contains(stage.name()) && !run.isFinished(stage.name()),
              perNode * (target == Target.LOCAL ? LocalProcesses.nodes(System.getenv()) : nodes)));
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    List<String> words = new ArrayList<>();
    recipe.sets().forEach(set -> words.addAll(List.of("--set", set)));
    words.addAll(options);
    return new Job(config.name(), file, "", wanted, folder, words, nodes, perNode, gpus);
  }
}
