package dev.palimpsest.cli.launch;

import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.Durable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A chain of Slurm jobs, one a stage, each of which begins when the one before has ended well. A
 * job whose run was stopped (by the time limit, or because it was preempted) is put into the queue
 * again and resumes.
 *
 * @param program the launcher script
 * @param engine for {@code --engine}
 */
record SlurmChain(Job job, Settings settings, String program, String engine) {
  /**
   * What a site needs to know.
   *
   * @param time limit of a job, as sbatch takes it; null for the partition's
   * @param signalSeconds how long before the limit the run is asked to stop
   * @param mpi for {@code srun --mpi}
   * @param restarts how often a job may start again after an infrastructure failure
   * @param cpus of each process; null for the partition's default
   * @param more further options of sbatch, as {@code --partition=gpu}
   */
  record Settings(
      @Nullable String time,
      int signalSeconds,
      String mpi,
      int restarts,
      @Nullable Integer cpus,
      List<String> more) {}

  private Path folder() {
    return job.out().resolve("launch");
  }

  private String file(int stage) {
    return "%02d-%s".formatted(stage + 1, job.stages().get(stage));
  }

  /** The batch script of a stage. */
  String script(int stage) {
    String name = job.stages().get(stage);
    List<String> lines = new ArrayList<>(List.of("#!/bin/bash"));
    sbatch(lines, "--job-name=" + job.name() + "-" + name);
    sbatch(lines, "--nodes=" + job.nodes());
    sbatch(lines, "--ntasks-per-node=" + job.processes());
    if (job.gpus() > 0) {
      sbatch(lines, "--gpus-per-node=" + job.gpus());
    }
    if (settings.cpus != null) {
      sbatch(lines, "--cpus-per-task=" + settings.cpus);
    }
    if (settings.time != null) {
      sbatch(lines, "--time=" + settings.time);
    }
    sbatch(lines, "--signal=TERM@" + settings.signalSeconds);
    sbatch(lines, "--requeue");
    sbatch(lines, "--open-mode=append");
    sbatch(lines, "--kill-on-invalid-dep=yes");
    sbatch(lines, "--output=" + folder().resolve(file(stage) + "-%j.log"));
    settings.more.forEach(option -> sbatch(lines, option));
    lines.add("");
    lines.add("# Signals are for the tasks, which save and end; this script waits for them.");
    lines.add("trap : TERM");
    lines.add("out=" + quoted(job.out().toString()));
    lines.add("failures=" + quoted(folder().resolve(file(stage) + ".failures").toString()));
    lines.add("rm -f \"$out\"/processes/rank-*.json");
    List<String> srun = new ArrayList<>(List.of("srun", "--kill-on-bad-exit=1"));
    srun.add("--mpi=" + (job.worldSize() == 1 ? "none" : settings.mpi));
    srun.add(program);
    if (!engine.equals("cpu")) {
      srun.addAll(List.of("--engine", engine));
    }
    srun.addAll(job.run(job.recipe(), name));
    lines.add(LocalProcesses.typed(srun) + " &");
    lines.add(
        """
        task=$!
        code=129
        while [ "$code" -gt 128 ]; do # a signal to this script ends a wait, but not the task
          wait "$task"
          code=$?
          kill -0 "$task" 2>/dev/null || break
        done

        # srun may change the exit code; the tasks' own words are in their state files.
        said=$(sed -n 's/.*"exitCode" *: *\\([0-9]*\\).*/\\1/p' "$out"/processes/rank-*.json 2>/dev/null)
        if [ "$code" -ne 0 ]; then
          lost=
          for file in "$out"/processes/rank-*.json; do
            one=$(sed -n 's/.*"exitCode" *: *\\([0-9]*\\).*/\\1/p' "$file" 2>/dev/null)
            host=$(sed -n 's/.*"host" *: *"\\([^"]*\\)".*/\\1/p' "$file" 2>/dev/null)
            case $one in
              0|%1$d) continue ;;
              '')
                if grep -q '"state" *: *"running"' "$file" 2>/dev/null; then
                  lost=yes
                  echo "$(basename "$file" .json) on $host was killed, or its machine is lost"
                fi
                ;;
              *) echo "$(basename "$file" .json) on $host ended with $one" ;;
            esac
          done
          own=
          for one in $said; do
            case $one in
              0) ;;
              %1$d) own=${own:-$one} ;;
              %2$d) case ${own:-%1$d} in %1$d) own=$one ;; esac ;;
              *) own=$one; break ;;
            esac
          done
          case $lost${own:-0} in yes0|yes%1$d) own=%2$d ;; esac
          case ${own:-$code} in
            %3$s) code=${own:-$code} ;;
            *) code=%2$d ;;
          esac
        fi
        case $code in
          %1$d)
            echo "stopped; back into the queue"
            scontrol requeue "$SLURM_JOB_ID"
            ;;
          %2$d)
            echo "$SLURM_JOB_NODELIST $(date -Is)" >>"$failures"
            if [ "$(wc -l <"$failures")" -le %4$d ]; then
              echo "a machine or the network failed; back into the queue"
              scontrol requeue "$SLURM_JOB_ID"
            fi
            ;;
        esac
        exit "$code"
        """
            .formatted(
                ExitCode.STOPPED.code(),
                ExitCode.INFRASTRUCTURE.code(),
                ExitCode.codes().stream().map(String::valueOf).collect(Collectors.joining("|")),
                settings.restarts)
            .stripTrailing());
    return String.join("\n", lines) + "\n";
  }

  private static void sbatch(List<String> lines, String option) {
    lines.add("#SBATCH " + option);
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }

  /** Everything that would be submitted. */
  String print() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < job.stages().size(); i++) {
      text.append("# ---- ")
          .append(folder().resolve(file(i) + ".sbatch"))
          .append(i == 0 ? "" : ", after the one before: --dependency=afterok:ID")
          .append('\n')
          .append(script(i))
          .append('\n');
    }
    return text.toString();
  }

  /**
   * Writes the scripts and submits the jobs.
   *
   * @return a line for each
   */
  List<String> submit() {
    List<String> told = new ArrayList<>();
    String before = null;
    for (int i = 0; i < job.stages().size(); i++) {
      Path script = folder().resolve(file(i) + ".sbatch");
      try {
        Files.createDirectories(folder());
      } catch (IOException e) {
        throw new UncheckedIOException("cannot create " + folder(), e);
      }
      Durable.file(script, script(i).getBytes(StandardCharsets.UTF_8));
      List<String> command = new ArrayList<>(List.of("sbatch", "--parsable"));
      if (before != null) {
        command.add("--dependency=afterok:" + before);
      }
      command.add(script.toString());
      before = submit(command);
      told.add("job %s: %s".formatted(before, script));
    }
    return told;
  }

  private static String submit(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new UserMistake(
            "Slurm refused the job: %s ('%s')".formatted(said, LocalProcesses.typed(command)));
      }
      return said.lines().reduce((first, last) -> last).orElse("").replaceAll(";.*", "");
    } catch (IOException e) {
      throw new UserMistake(
          "sbatch is not on the PATH; launch on a node from which jobs are submitted, or look at them with --print");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
