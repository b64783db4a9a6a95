package dev.palimpsest.stages.logs;

import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.state.TrainState;
import java.util.List;

/** The logs of a stage in its folder. */
public final class StageFiles implements StageLogs {
  private final MetricsLog metrics;
  private final ExampleLog examples;
  private final SkippedExamples skipped;

  /**
   * Opens the logs, and cuts off what is after a state.
   *
   * @param stage its name
   */
  public StageFiles(RunFolder folder, String stage, Mixture mixture, TrainState state) {
    metrics = new MetricsLog(folder.metrics(stage), folder.events(stage), state.examples());
    examples = new ExampleLog(folder.examples(stage), state.consumed(), state.examples());
    skipped =
        new SkippedExamples(
            folder.skipped(stage),
            mixture,
            state.dataPosition() - state.examples(),
            state.dataPosition());
  }

  @Override
  public TrainState consumed(TrainState after, List<String> ids, List<Skipped> bad) {
    TrainState state = after.consuming(examples.add(after.consumed(), after.examples(), ids));
    skipped.add(bad, state.dataPosition());
    return state;
  }

  @Override
  public long skipped() {
    return skipped.count();
  }

  @Override
  public void saving(CheckpointWriter.Times times) {
    metrics.saving(times);
  }

  @Override
  public void arrays(long bytes) {
    metrics.arrays(bytes);
  }

  @Override
  public void write(StepMetrics line, int batchSize) {
    metrics.write(line, batchSize);
  }

  @Override
  public LogHashes hashes() {
    return new LogHashes(metrics.hash(), skipped.hash());
  }

  @Override
  public void sync() {
    metrics.sync();
    examples.sync();
    skipped.sync();
  }

  @Override
  public void close() {
    try (metrics;
        examples;
        skipped) {
      // closed in reverse order, whatever one of them throws
    }
  }
}
