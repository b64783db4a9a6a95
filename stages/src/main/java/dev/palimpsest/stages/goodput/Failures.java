package dev.palimpsest.stages.goodput;

import dev.palimpsest.configs.ClusterConfig;
import java.util.SplittableRandom;

/**
 * A run on machines that fail: a discrete simulation of work, saves, failures and restarts.
 * Failures come independently of each other at a constant rate, also while a restart is under way;
 * each one throws the run back to its last complete checkpoint.
 *
 * @param machines of the run; the failure of one GPU ends it
 */
public record Failures(ClusterConfig machines) {
  private static final double HOUR = 3600;

  /** Neighbouring intervals that {@link #best} compares differ by this factor. */
  private static final double FACTOR = 1.1;

  /** A simulation ends after so many, on machines where hardly any work is ever saved. */
  private static final long MOST_FAILURES = 1_000_000;

  /** Mean seconds from one failure of the run to the next. */
  public double meanSeconds() {
    return machines.hoursToFailure() * HOUR / machines.gpus();
  }

  /**
   * Shares of the simulated time.
   *
   * @param useful steps whose result was kept
   * @param saving in saves
   * @param lost steps and saves that a failure undid
   * @param restarting starts, also those that failed
   * @param failures in all
   */
  public record Outcome(
      double useful, double saving, double lost, double restarting, long failures) {}

  /**
   * Simulates a run.
   *
   * @param interval seconds of work between saves
   * @param work seconds of work to be done
   * @param seed of the failures
   */
  public Outcome simulate(double interval, double work, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double saveSeconds = machines.saveSeconds();
    double restartSeconds = machines.restartSeconds();
    double useful = 0;
    double saving = 0;
    double lost = 0;
    double restarting = 0;
    long failures = 0;
    double untilFailure = next(random);
    while (useful < work && failures < MOST_FAILURES) {
      double undisturbed =
          Math.floor(Math.min(untilFailure / (interval + saveSeconds), (work - useful) / interval));
      useful += undisturbed * interval;
      saving += undisturbed * saveSeconds;
      untilFailure -= undisturbed * (interval + saveSeconds);
      double part = Math.min(interval, work - useful);
      double attempt = part + saveSeconds;
      if (untilFailure >= attempt) {
        useful += part;
        saving += saveSeconds;
        untilFailure -= attempt;
        continue;
      }
      lost += untilFailure;
      failures++;
      untilFailure = next(random);
      while (untilFailure < restartSeconds && failures < MOST_FAILURES) {
        restarting += untilFailure;
        failures++;
        untilFailure = next(random);
      }
      restarting += restartSeconds;
      untilFailure -= restartSeconds;
    }
    double all = useful + saving + lost + restarting;
    return new Outcome(useful / all, saving / all, lost / all, restarting / all, failures);
  }

  private double next(SplittableRandom random) {
    return -meanSeconds() * Math.log(1 - random.nextDouble());
  }

  /**
   * The interval with the highest share of useful time in simulations with the same failures.
   *
   * @param work as in {@link #simulate}
   * @return seconds of work between saves
   */
  public double best(double work, long seed) {
    double best = young();
    double most = -1;
    for (double interval = young() / 8; interval < young() * 8; interval *= FACTOR) {
      double useful = simulate(interval, work, seed).useful();
      if (useful > most) {
        most = useful;
        best = interval;
      }
    }
    return best;
  }

  /** Young's first-order interval (Communications of the ACM 17(9), 1974): sqrt(2 C M). */
  public double young() {
    return Math.sqrt(2 * machines.saveSeconds() * meanSeconds());
  }

  /**
   * Daly's interval of higher order (Future Generation Computer Systems 22(3), 2006, equation 37).
   */
  public double daly() {
    double c = machines.saveSeconds();
    double m = meanSeconds();
    return c < 2 * m
        ? Math.sqrt(2 * c * m) * (1 + Math.sqrt(c / (2 * m)) / 3 + c / (9 * 2 * m)) - c
        : m;
  }
}
