package dev.palimpsest.stages.logs;

import dev.palimpsest.checkpoints.CheckpointWriter;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.stages.state.TrainState;
import java.util.List;

/** What a stage logs of every step. */
public interface StageLogs extends AutoCloseable {
  /** The logs of a rank other than the first one, which writes nothing. */
  StageLogs ELSEWHERE = new Elsewhere();

  /**
   * Logs what a step has consumed.
   *
   * @param after the state after it
   * @param ids of its examples
   * @param bad examples that were replaced
   * @return the state, which knows of them
   */
  TrainState consumed(TrainState after, List<String> ids, List<Skipped> bad);

  /** Bad examples of the stage so far. */
  long skipped();

  /** Adds to the time for saving in the next line of metrics. */
  void saving(CheckpointWriter.Times times);

  /** The memory of arrays for the next line of metrics; 0: unknown. */
  void arrays(long bytes);

  /** Writes a line of metrics. */
  void write(StepMetrics line, int batchSize);

  /** The hashes of the logs as they are now. */
  LogHashes hashes();

  /** Makes what was written durable; any thread may call this. */
  void sync();

  @Override
  void close();

  /** Writes nothing. */
  final class Elsewhere implements StageLogs {
    private Elsewhere() {}

    @Override
    public TrainState consumed(TrainState after, List<String> ids, List<Skipped> bad) {
      return after;
    }

    @Override
    public long skipped() {
      return 0;
    }

    @Override
    public void saving(CheckpointWriter.Times times) {}

    @Override
    public void arrays(long bytes) {}

    @Override
    public void write(StepMetrics line, int batchSize) {}

    @Override
    public LogHashes hashes() {
      LogHashes.LogHash none = new LogHashes.LogHash(0, "");
      return new LogHashes(none, none);
    }

    @Override
    public void sync() {}

    @Override
    public void close() {}
  }
}
