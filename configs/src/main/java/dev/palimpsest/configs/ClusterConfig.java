package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;

/**
 * The machines of a run and how they fail, from which {@code goodput} simulates what share of their
 * time would be used, and how often to save. Failures are independent of each other and come at a
 * constant rate; each one ends the run, which restarts from its last checkpoint.
 *
 * @param gpus number of GPUs
 * @param hoursToFailure mean time to failure of one GPU with its share of the machine, in hours of
 *     that GPU. Meta's Llama 3 report (arXiv 2407.21783) has 419 unexpected stops of 16384 GPUs in
 *     54 days: one in 50000 hours
 * @param saveSeconds how long a save stops training: {@code checkpointStallSeconds} in {@code
 *     metrics.jsonl}
 * @param restartSeconds time from a failure to the first step after it
 */
public record ClusterConfig(
    int gpus,
    @Default("" + HOURS_TO_FAILURE) double hoursToFailure,
    @Default("" + SAVE_SECONDS) double saveSeconds,
    @Default("" + RESTART_SECONDS) double restartSeconds) {
  public static final int HOURS_TO_FAILURE = 50_000;
  public static final int SAVE_SECONDS = 30;
  public static final int RESTART_SECONDS = 600;

  /** Checks ranges. */
  public ClusterConfig {
    new Check()
        .range("gpus", gpus, 1, 1_000_000, "GPUs")
        .range("hoursToFailure", hoursToFailure, 0.01, 1e9)
        .range("saveSeconds", saveSeconds, 0.001, 1e5)
        .range("restartSeconds", restartSeconds, 0, 1e6)
        .done();
  }

  /** So many GPUs that fail, save and restart as by default. */
  public static ClusterConfig of(int gpus) {
    return new ClusterConfig(gpus, HOURS_TO_FAILURE, SAVE_SECONDS, RESTART_SECONDS);
  }
}
