package dev.palimpsest.cli.terminal;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StepMetrics;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;

/** Prints a plain line every few seconds, for logs and pipes. */
public final class PlainProgress implements Progress {
  private static final long INTERVAL_NANOS = Duration.ofSeconds(10).toNanos();

  private final PrintWriter out;
  private long began;
  private long startedAt;
  private long printed;

  public PlainProgress(PrintWriter out) {
    this.out = out;
  }

  @Override
  public void start(StageConfig stage, long fromExamples) {
    began = System.nanoTime();
    printed = began;
    startedAt = fromExamples;
  }

  @Override
  public void step(StageConfig stage, StepMetrics metrics) {
    long now = System.nanoTime();
    boolean last = metrics.examples() == stage.examples();
    if (!last && now - printed < INTERVAL_NANOS) {
      return;
    }
    printed = now;
    double rate = (metrics.examples() - startedAt) / ((now - began) / 1e9);
    long left = Math.round((stage.examples() - metrics.examples()) / rate);
    out.printf(
        Locale.ROOT,
        "%s  %d/%d examples (%d %%)  loss %.4f  %.1f examples/s  ETA %d:%02d:%02d%n",
        Escape.line(stage.name()),
        metrics.examples(),
        stage.examples(),
        100 * metrics.examples() / stage.examples(),
        metrics.outcome().loss(),
        rate,
        left / 3600,
        left / 60 % 60,
        left % 60);
    out.flush();
  }

  @Override
  public void end() {}
}
