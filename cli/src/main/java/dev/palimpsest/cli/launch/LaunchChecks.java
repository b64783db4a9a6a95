package dev.palimpsest.cli.launch;

import dev.palimpsest.cli.launch.LaunchCommand.Target;
import dev.palimpsest.configs.checks.Problem;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What is wrong with the options of {@code launch}, before anything is started or submitted. */
final class LaunchChecks {
  private static final Set<Target> PODS = EnumSet.of(Target.JOBSET, Target.TRAINJOB);
  private static final Set<Target> JOBS = EnumSet.of(Target.SLURM, Target.JOBSET, Target.TRAINJOB);

  /** Options that mean nothing elsewhere. */
  private static final Map<String, Set<Target>> WHERE = new LinkedHashMap<>();

  static {
    WHERE.put("--restarts", JOBS);
    WHERE.put("--cpus", JOBS);
    for (String option : List.of("--time", "--signal-seconds", "--mpi", "--sbatch")) {
      WHERE.put(option, EnumSet.of(Target.SLURM));
    }
    for (String option :
        List.of("--image", "--volume", "--memory", "--queue", "--namespace", "--grace")) {
      WHERE.put(option, PODS);
    }
  }

  /** As sbatch takes it. */
  private static final Pattern TIME =
      Pattern.compile(
          "\\d+|\\d+:\\d+(:\\d+)?|\\d+-\\d+(:\\d+){0,2}|unlimited|infinite",
          Pattern.CASE_INSENSITIVE);

  /** A plug-in of the site. */
  private static final Pattern MPI = Pattern.compile("[A-Za-z0-9_]+");

  /** Kubernetes' quantities. */
  private static final Pattern QUANTITY = Pattern.compile("\\d+(\\.\\d+)?([kMGTPE]|[KMGTPE]i)?");

  private static final Pattern LABEL = Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");
  private static final Pattern SUBDOMAIN = Pattern.compile("[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?");
  private static final Pattern WORD = Pattern.compile("\\S+");
  private static final Pattern SBATCH = Pattern.compile("-[^\\r\\n]+");

  /** Slurm's limit for {@code --signal}. */
  private static final int MOST_SIGNAL_SECONDS = 65_535;

  private final LaunchCommand command;
  private final List<Problem> found = new ArrayList<>();

  private LaunchChecks(LaunchCommand command) {
    this.command = command;
  }

  /** Every mistake. */
  static List<Problem> of(LaunchCommand command) {
    LaunchChecks checks = new LaunchChecks(command);
    checks.places();
    checks.sizes();
    checks.texts();
    return checks.found;
  }

  private void places() {
    WHERE.forEach(
        (option, targets) -> {
          if (!targets.contains(command.target)
              && command.spec.commandLine().getParseResult().hasMatchedOption(option)) {
            add(
                option,
                "is for --to %s, not for --to %s"
                    .formatted(
                        String.join(" and ", targets.stream().map(LaunchChecks::word).toList()),
                        word(command.target)));
          }
        });
    if (command.target == Target.LOCAL && command.nodes > 1) {
      add("--nodes", "--to local starts the processes of one machine: leave out --nodes");
    }
  }

  private static String word(Target target) {
    return target.name().toLowerCase(Locale.ROOT);
  }

  private void sizes() {
    atLeast("--nodes", command.nodes, 1);
    atLeast("--processes", command.processes, 1);
    atLeast("--gpus-per-node", command.gpus, 0);
    Integer processes = command.processes;
    if (command.gpus > 0 && processes != null && processes > command.gpus) {
      add("--processes", "%d are more than --gpus-per-node %d".formatted(processes, command.gpus));
    }
    atLeast("--restarts", command.restarts, 0);
    atLeast("--cpus", command.cpus, 1);
    atLeast("--grace", command.grace, 1);
    if (command.signalSeconds < 1 || command.signalSeconds > MOST_SIGNAL_SECONDS) {
      add(
          "--signal-seconds",
          "must be from 1 to %d, got %d".formatted(MOST_SIGNAL_SECONDS, command.signalSeconds));
    }
  }

  private void atLeast(String option, @Nullable Integer value, int least) {
    if (value != null && value < least) {
      add(option, "must be at least %d, got %d".formatted(least, value));
    }
  }

  private void texts() {
    match("--time", command.time, TIME, "minutes, [D-]HH:MM:SS or 'unlimited'");
    match("--mpi", command.mpi, MPI, "one of those that 'srun --mpi=list' shows");
    match("--image", command.image, WORD, "the name of an image");
    match("--memory", command.memory, QUANTITY, "a quantity such as 200Gi");
    match("--queue", command.queue, SUBDOMAIN, "a name of Kubernetes: a-z, 0-9, '-' and '.'");
    match("--namespace", command.namespace, LABEL, "a name of Kubernetes: a-z, 0-9 and '-'");
    command.sbatch.forEach(
        option -> match("--sbatch", option, SBATCH, "an option, such as --sbatch=--partition=gpu"));
  }

  private void match(String option, @Nullable String text, Pattern pattern, String expected) {
    if (text != null && !pattern.matcher(text).matches()) {
      add(option, "must be %s, got '%s'".formatted(expected, Problem.brief(text)));
    }
  }

  private void add(String option, String message) {
    found.add(new Problem(option, message));
  }
}
