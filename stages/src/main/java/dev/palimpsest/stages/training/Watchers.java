package dev.palimpsest.stages.training;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.logs.StepMetrics;
import java.time.Duration;
import java.util.List;

/** Passes a run's progress on to several receivers, one after another. */
public record Watchers(List<Progress> all) implements Progress {
  /** Keeps a copy. */
  public Watchers {
    all = List.copyOf(all);
  }

  @Override
  public void start(StageConfig stage, long fromExamples) {
    all.forEach(one -> one.start(stage, fromExamples));
  }

  @Override
  public void step(StageConfig stage, StepMetrics metrics) {
    all.forEach(one -> one.step(stage, metrics));
  }

  @Override
  public void turnTo(Activity activity) {
    all.forEach(one -> one.turnTo(activity));
  }

  @Override
  public void waitedForRanks(Duration time) {
    all.forEach(one -> one.waitedForRanks(time));
  }

  @Override
  public void end() {
    all.forEach(Progress::end);
  }

  @Override
  public Work begin(String what, String unit, long total) {
    List<Work> works = all.stream().map(one -> one.begin(what, unit, total)).toList();
    return new Work() {
      @Override
      public void done(long so) {
        works.forEach(work -> work.done(so));
      }

      @Override
      public void close() {
        works.forEach(Work::close);
      }
    };
  }
}
