package dev.palimpsest.cli.commands;

import dev.palimpsest.cli.terminal.RunProgress;
import dev.palimpsest.eval.Evaluator;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.preparation.LongWork;
import dev.palimpsest.stages.training.StopRequest;
import org.jspecify.annotations.Nullable;

/**
 * Shows how many answers of each task there are, at what rate, and the time left; stops when asked.
 */
final class ScoringProgress implements Evaluator.Watch, AutoCloseable {
  private final LongWork progress = RunProgress.here();
  private final String model;
  private final StopRequest stop;
  private final Collectives ranks;
  private String task = "";
  private LongWork.@Nullable Work work;
  private int saved;

  /**
   * @param model its short name
   */
  ScoringProgress(String model, StopRequest stop, Collectives ranks) {
    this.model = model;
    this.stop = stop;
    this.ranks = ranks;
  }

  @Override
  public void between() {
    stop.obey("while scoring");
  }

  @Override
  public void beforeRound() {
    if (ranks.any(stop.isMade())) {
      stop.make();
    }
    between();
  }

  @Override
  public void answered(String of, int answered, int questions) {
    if (work == null || !of.equals(task)) {
      endTask();
      task = of;
      saved = answered; // by an earlier evaluation, and so not of this one's rate
      work = progress.begin(model + ": " + of, "answers", questions - saved);
    }
    work.done(answered - saved);
  }

  void endTask() {
    if (work != null) {
      work.close();
      work = null;
    }
  }

  @Override
  public void close() {
    endTask();
  }
}
