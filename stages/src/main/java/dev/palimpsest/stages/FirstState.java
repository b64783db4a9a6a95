package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.TensorOutput;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.handover.FirstParameters;
import dev.palimpsest.stages.handover.StageStart;
import dev.palimpsest.stages.logs.LogHashes;
import dev.palimpsest.stages.preparation.LongWork;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A stage's state before its first step: imported from published files, as a checkpoint of its own,
 * or handed over from another stage's checkpoint. How it began is recorded in {@code start.json}.
 */
final class FirstState {
  private static final Logger log = LoggerFactory.getLogger(FirstState.class);

  private final RunFolder folder;
  private final PipelineConfig recipe;
  private final StageConfig stage;
  private final Parent parent;
  private final StageRecord record;
  private final Map<String, Object> environment;
  private final LongWork progress;

  /**
   * Creates the beginning of a stage.
   *
   * @param environment machine, libraries and code, recorded in the imported checkpoint
   * @param progress shows how far the import has come
   */
  FirstState(
      RunFolder folder,
      PipelineConfig recipe,
      StageConfig stage,
      Parent parent,
      StageRecord record,
      Map<String, Object> environment,
      LongWork progress) {
    this.folder = folder;
    this.recipe = recipe;
    this.stage = stage;
    this.parent = parent;
    this.record = record;
    this.environment = environment;
    this.progress = progress;
  }

  /**
   * Writes the stage's first checkpoint piece by piece from published files, if it starts from
   * them; the stage then continues from it as from any other.
   *
   * @throws InvalidConfigException when the recipe does not fit the files
   */
  Optional<TrainingCheckpoint> imported(CheckpointStore store) {
    return stage
        .init()
        .match(
            pretrained -> Optional.of(imported(pretrained, store)),
            s -> Optional.empty(),
            c -> Optional.empty());
  }

  private TrainingCheckpoint imported(Init.FromPretrained source, CheckpointStore store) {
    requireSchedules(stage, stage.examples());
    try (PretrainedImporter importer =
            PretrainedImporter.open(
                source, stage.model(recipe.model()), stage.resolution(), recipe.seed());
        LongWork.Work work =
            progress.begin(stage.name() + ": importing", "MB", megabytes(importer.tensors()))) {
      tell(new StageStart(importer.notes(), null, null));
      return CheckpointStore.open(
          StateFiles.commitFirst(
              store,
              counted(importer.tensors(), work),
              record.facts(recipe, parent, environment, 0, stage.name()),
              LogHashes.of(folder, stage.name()).facts()));
    }
  }

  private static long megabytes(List<TensorOutput.Tensor> tensors) {
    return tensors.stream().mapToLong(tensor -> tensor.info().byteSize()).sum() / 1_000_000;
  }

  /** The same tensors; while they are written, the number of megabytes written so far is shown. */
  private static List<TensorOutput.Tensor> counted(
      List<TensorOutput.Tensor> tensors, LongWork.Work work) {
    LongAdder written = new LongAdder();
    return tensors.stream()
        .map(
            tensor ->
                new TensorOutput.Tensor(
                    tensor.info(),
                    out -> {
                      tensor.values().writeTo(out);
                      written.add(tensor.info().byteSize());
                      work.done(written.sum() / 1_000_000);
                    }))
        .toList();
  }

  /** The state of a stage that starts from another's checkpoint; it lives in the manager. */
  TrainState handedOver(NDManager manager, FirstParameters first) {
    FirstParameters.Start start = first.handedOver(manager, parent.checkpoint());
    tell(start.told());
    return start.state();
  }

  /** Records in {@code start.json} how the stage began. */
  private void tell(StageStart told) {
    told.notes().forEach(note -> log.info("{}: {}", stage.name(), note));
    told.write(folder, stage.name(), record.fingerprint());
  }

  /**
   * Checks the schedules against the end of the learning-rate curve. For a curve that continues
   * from another stage, the end is known only once that stage's checkpoint has been read.
   *
   * @param end examples at which the curve ends, those of earlier stages included if it continues
   * @throws InvalidConfigException when a warm-up or cool-down is as long as the curve
   */
  static void requireSchedules(StageConfig stage, long end) {
    if (stage.examples() <= stage.batchSize()) {
      return;
    }
    List<Problem> problems = new ArrayList<>();
    stage
        .requiredOptimizer()
        .scheduleMistakes(end)
        .forEach(
            (path, mistake) ->
                problems.add(
                    new Problem("stages." + stage.name() + ".optimizer." + path, mistake)));
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
  }
}
