package dev.palimpsest.stages.goodput;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.ClusterConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FailuresTest {
  /**
   * Two thousand failures have a standard error of 2 % in what they cost, a fraction of the time.
   */
  private static final double NOISE = 0.01;

  /** In closed form: segments of T + C between failures of mean M, each followed by restarts R. */
  private static double expected(Failures f, double interval) {
    double m = f.meanSeconds();
    double restart = f.machines().restartSeconds();
    double save = f.machines().saveSeconds();
    return interval / (m * Math.exp(restart / m) * (Math.exp((interval + save) / m) - 1));
  }

  @ParameterizedTest
  @CsvSource({
    "8, 20000, 30, 300",
    "1024, 20000, 30, 300",
    "1024, 5000, 120, 900",
    "64, 100, 60, 60"
  })
  void theSimulationAgreesWithTheClosedForm(int gpus, double hours, double save, double restart) {
    Failures failures = new Failures(new ClusterConfig(gpus, hours, save, restart));
    double work = 2000 * failures.meanSeconds();
    for (double factor : new double[] {0.5, 1, 2}) {
      double interval = factor * failures.daly();
      Failures.Outcome outcome = failures.simulate(interval, work, 7);
      assertEquals(expected(failures, interval), outcome.useful(), NOISE);
      assertEquals(
          1, outcome.useful() + outcome.saving() + outcome.lost() + outcome.restarting(), 1e-9);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "8, 20000, 30, 300",
    "1024, 20000, 30, 300",
    "1024, 5000, 120, 900",
    "64, 100, 60, 60"
  })
  void theBestIntervalIsDalys(int gpus, double hours, double save, double restart) {
    Failures failures = new Failures(new ClusterConfig(gpus, hours, save, restart));
    double best = failures.best(2000 * failures.meanSeconds(), 11);
    // The optimum is flat: intervals half as long or twice as long lose little.
    assertTrue(best > failures.daly() / 1.8 && best < failures.daly() * 1.8, best + " s");
    assertEquals(expected(failures, failures.daly()), expected(failures, best), 0.01);
    // Young's is of first order: close where saves are short beside the time between failures.
    assertEquals(failures.daly(), failures.young(), 0.5 * failures.daly());
  }

  /** A failure comes every 36 ms: no restart of 10 minutes ever ends. */
  @Test
  @Timeout(60)
  void machinesThatFailAtOnceNeverGetOn() {
    Failures failures = new Failures(new ClusterConfig(100_000, 1, 30, 600));
    double best = failures.best(2000 * failures.meanSeconds(), 3);
    Failures.Outcome outcome = failures.simulate(best, 2000 * failures.meanSeconds(), 3);
    assertEquals(0, outcome.useful(), 1e-6);
    assertEquals(1, outcome.restarting(), 0.01);
  }

  /** Nearly all of the time is work and saves, however many there are. */
  @Test
  @Timeout(60)
  void oneMachineThatHardlyFailsIsSimulatedAtOnce() {
    Failures failures = new Failures(new ClusterConfig(1, 1e9, 0.001, 600));
    double work = 2000 * failures.meanSeconds();
    Failures.Outcome outcome = failures.simulate(failures.daly(), work, 5);
    assertEquals(1, outcome.useful(), 1e-6);
    assertEquals(outcome.useful() * 0.001 / failures.daly(), outcome.saving(), 1e-12);
  }
}
