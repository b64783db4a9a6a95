package dev.palimpsest.cli.terminal;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.files.Escape;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StepMetrics;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A line that is updated in place, with rate, remaining time and loss. */
public final class TerminalProgress implements Progress {
  private @Nullable ProgressBar bar;

  @Override
  public void start(StageConfig stage, long fromExamples) {
    bar =
        new ProgressBarBuilder()
            .setTaskName(Escape.line(stage.name()))
            .setInitialMax(stage.examples())
            .startsFrom(fromExamples, Duration.ZERO)
            .setUnit(" examples", 1)
            .showSpeed()
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(500)
            .build();
  }

  @Override
  public void step(StageConfig stage, StepMetrics metrics) {
    if (bar != null) {
      bar.stepTo(metrics.examples());
      bar.setExtraMessage(String.format(Locale.ROOT, " loss %.4f", metrics.outcome().loss()));
    }
  }

  @Override
  public void end() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
