package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.stages.logs.ArrayPeak;
import dev.palimpsest.stages.logs.DiskTraffic;
import dev.palimpsest.stages.logs.MemoryInUse;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.StageFiles;
import dev.palimpsest.stages.logs.StageLogs;
import dev.palimpsest.stages.logs.StepCost;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.plan.Amounts;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.step.Division;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.Packing;
import dev.palimpsest.stages.step.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains one stage from its current state to its end. Read from top to bottom: set up, then
 * evaluate, checkpoint, step, log, in the order in which they happen.
 */
public final class TrainingLoop {
  private static final Logger log = LoggerFactory.getLogger(TrainingLoop.class);

  private final Run run;
  private final StageModel model;
  private final StageConfig stage;
  private final Packing packing;
  private final StepCost cost;
  private final Mixture mixture;
  private final DataParallel parallel;

  /** The training of a stage by this process and the others of {@code parallel}. */
  public TrainingLoop(
      Run run, StageModel model, StepCost cost, Mixture mixture, DataParallel parallel) {
    this.run = run;
    this.model = model;
    this.stage = model.stage();
    this.packing = Packing.of(stage, stage.model(run.recipe().model()));
    this.cost = cost;
    this.mixture = mixture;
    this.parallel = parallel;
  }

  /** Waits until what was begun has finished. */
  private interface Settled extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Runs to the end of the stage. Its final state is saved here if it is divided among ranks.
   *
   * @param manager the stage's manager
   * @param start its arrays are closed; see {@link Optimizer#prepared}. The values of the first
   *     rank's count
   * @param evaluations scores states at the recipe's cadence, not at the end; on every rank
   * @return the state at the end, or where {@code earlyStop} ended the stage; on the first rank
   *     with all of its arrays
   * @throws StoppedException when asked to stop; the state is saved
   */
  @SuppressWarnings("try") // saves are used by waiting for them
  public TrainState run(
      NDManager manager, TrainState start, Saves checkpoints, Scoring evaluations) {
    // ---- Set up
    var optimizerConfig = stage.requiredOptimizer();
    ParameterGroups groups =
        ParameterGroups.of(
            optimizerConfig, start.parameters().names(), start.scheduleStart() + stage.examples());
    Optimizer optimizer =
        Optimizer.of(
            optimizerConfig,
            groups,
            run.kernels(),
            parallel.shards(
                start.parameters().shapes(),
                Set.copyOf(groups.trained()),
                run.kernels().pieceLength()));
    Division division = parallel.division(optimizer.shards());
    tellOrdersCost(groups, start.parameters().shapes());
    Storage storage = new Storage(stage.storage(), run.folder().stage(stage.name()));
    storage.returnFreed();
    GuardedStep step =
        new GuardedStep(
            stage,
            new TrainStep(
                model.network(), stage, optimizer, storage, parallel, run.recipe().seed()),
            checkpoints,
            division);
    TrainState state = optimizer.prepared(manager, start, storage);
    parallel.distribute(state);
    int batchSize = stage.batchSize();
    Peak peak = cost.peak();
    int readers = Math.max(1, Runtime.getRuntime().availableProcessors());
    run.progress().start(stage, state.examples());
    try (ArrayPeak arrays = new ArrayPeak(state.memoryBytes());
        StageLogs logs =
            parallel.ranks().isFirst()
                ? new StageFiles(run.folder(), stage.name(), mixture, state)
                : StageLogs.ELSEWHERE;
        // Closed before the logs, because a save that is still being written makes them durable.
        Settled saves = checkpoints::await;
        Mixture.BatchStream batches =
            mixture.batches(
                state.dataPosition(),
                batchSize,
                stage.microBatchSize(),
                parallel.share(),
                readers)) {
      long savedAt = System.nanoTime();
      LossBand band = new LossBand(stage);
      while (state.examples() < stage.examples()) {
        boolean fresh = state.examples() == start.examples();
        boolean stopping = parallel.ranks().any(run.stop().isMade());

        // ---- Evaluate, before the checkpoint: a run that is killed here scores this moment when
        // it is resumed.
        // A run that was stopped here is back now, so this is done even if the state is not new.
        if (state.examples() > 0
            && (fresh || !stopping)
            && due(stage.evaluate().everyExamples(), state)) {
          run.progress().turnTo(Activity.EVALUATE);
          step.rest();
          try (NDManager scope = manager.newSubManager()) {
            evaluations.score(
                "at-%012d".formatted(state.examples()),
                scope,
                optimizer.withWholeParameters(scope, state));
          }
          stopping = parallel.ranks().any(run.stop().isMade());
          if (!stopping && parallel.ranks().any(evaluations.isStuck(state))) {
            break;
          }
        }

        // ---- Checkpoint, when it is due or because the run is to stop
        // Every rank has a clock of its own and only the first has scores, so that one decides.
        boolean wanted =
            isLate(savedAt)
                || (due(stage.evaluate().everyExamples(), state) && evaluations.isBest(state));
        boolean decided = parallel.ranks().any(parallel.ranks().isFirst() && wanted);
        if (!fresh && (stopping || decided || due(stage.checkpoint().everyExamples(), state))) {
          savedAt = System.nanoTime();
          run.progress().turnTo(Activity.SAVE);
          checkpoints.save(state, division, logs.hashes(), logs::sync);
        }
        if (stopping) {
          parallel.once(checkpoints::await);
          // Still awaited, for every rank ends by itself now: if one were ended before that, mpirun
          // would end the first rank too, which has yet to record how the run ended.
          run.stop().make(); // whichever rank was asked
          run.stop()
              .obey(
                  "%s at %d of %d examples, saved"
                      .formatted(stage.name(), state.examples(), stage.examples()));
        }
        checkpoints.check();
        logs.saving(checkpoints.takeTimes());

        // ---- Step
        run.progress().turnTo(Activity.COMPUTE);
        parallel.ranks().takeWaited(); // what came before is no part of the step
        log.debug("{}: step from {} examples", stage.name(), state.examples());
        long began = System.nanoTime();
        DiskTraffic before = DiskTraffic.now();
        long waitedBefore = batches.waitedNanos();
        run.stop().unsaved(true);
        List<DataParallel.Skips> skipped = new ArrayList<>();
        GuardedStep.Done done =
            step.run(
                manager,
                state,
                micro -> {
                  ExampleBatch batch = batches.next();
                  skipped.add(new DataParallel.Skips(batch.firstIndex(), batches.skipped()));
                  return MicroBatch.upload(micro, batch, packing);
                });
        state = logs.consumed(done.state(), done.outcome().ids(), parallel.skipped(skipped));
        double nanos = Math.max(1, System.nanoTime() - began);
        double flops = cost.flops(done.outcome().parts());
        peak = peak.orReached(flops / (nanos / 1e9));
        StepMetrics line =
            new StepMetrics(
                state.examples() / batchSize,
                state.examples(),
                done.outcome(),
                nanos / 1e9,
                (batches.waitedNanos() - waitedBefore) / nanos,
                flops,
                peak,
                MemoryInUse.now(manager.getDevice()),
                logs.skipped(),
                stage.storage().usesDisk() ? DiskTraffic.now().since(before) : null,
                done.event());

        // ---- Log
        log.debug("{}: stepped to {} examples", stage.name(), state.examples());
        if (state.examples() == stage.examples()
            || done.event() != null
            || Cadence.due(stage.logEveryExamples(), batchSize, state.examples(), true)) {
          logs.arrays(arrays.take(state.memoryBytes() + step.keptBytes()));
          logs.write(line, batchSize);
        }
        if (parallel.ranks().isFirst()) {
          band.step(state.examples(), done.outcome().loss());
        }
        run.progress().waitedForRanks(parallel.ranks().takeWaited());
        run.progress().step(stage, line);
      }
      logs.sync();
      step.rest();
      if (division != null) { // no rank has the state in whole
        run.progress().turnTo(Activity.SAVE);
        checkpoints.save(state, division, logs.hashes(), logs::sync);
        checkpoints.await();
        return checkpoints.read(manager, state);
      }
    } finally {
      run.progress().end();
    }
    return state;
  }

  /** The fixed order is the recipe's choice, whose price is shown where it is paid. */
  private void tellOrdersCost(ParameterGroups groups, Map<String, Shape> shapes) {
    int exchanges = parallel.exchangesInOrder(stage);
    if (exchanges > 0 && parallel.ranks().isFirst()) {
      long scalars =
          groups.trained().stream()
              .map(shapes::get)
              .filter(Objects::nonNull)
              .mapToLong(Shape::size)
              .sum();
      log.info(
          "{}: in the fixed order ranks exchange {} of gradients {} a step, in the fastest once",
          stage.name(),
          Amounts.bytes(Float.BYTES * scalars),
          exchanges == 1 ? "once, from pair to pair," : exchanges + " times");
    }
  }

  private boolean isLate(long savedAt) {
    double minutes = stage.checkpoint().minutes();
    return minutes > 0 && System.nanoTime() - savedAt > minutes * 60e9;
  }

  private boolean due(long everyExamples, TrainState state) {
    return Cadence.due(everyExamples, stage.batchSize(), state.examples(), false);
  }
}
