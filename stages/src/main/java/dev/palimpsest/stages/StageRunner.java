package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.evaluation.ScoreChoice;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Models;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.handover.FirstParameters;
import dev.palimpsest.stages.handover.StageStart;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.lineage.StageIdentity;
import dev.palimpsest.stages.lineage.SuiteIdentity;
import dev.palimpsest.stages.lineage.TrainingData;
import dev.palimpsest.stages.logs.LogHashes;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.SkippedExamples;
import dev.palimpsest.stages.logs.StepCost;
import dev.palimpsest.stages.plan.StagePlan;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.state.StateFiles;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.training.Activity;
import dev.palimpsest.stages.training.BestScore;
import dev.palimpsest.stages.training.Evaluations;
import dev.palimpsest.stages.training.Run;
import dev.palimpsest.stages.training.StageCheckpoints;
import dev.palimpsest.stages.training.StageModel;
import dev.palimpsest.stages.training.TrainingLoop;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs one stage from its first parameters, or from its own last checkpoint, to its scores, final
 * checkpoint and exports.
 */
final class StageRunner {
  private static final Logger log = LoggerFactory.getLogger(StageRunner.class);

  private final Run run;
  private final PipelineConfig recipe;
  private final RunFolder folder;
  private final StageConfig stage;
  private final ModelConfig modelConfig;
  private final Tokenizer tokenizer;
  private final Path tokenizerFile;
  private final Ranks ranks;
  private final Function<Precision, Peak> peaks;
  private final Map<String, Object> environment;
  private final boolean acceptsChanges;
  private final SharedStages shared;

  /**
   * Creates a stage's runner.
   *
   * @param ranks this process, the first, and those that train with it
   * @param peaks what the device can do at most
   * @param environment machine, libraries and code, recorded in every checkpoint
   * @param acceptsChanges whether the folder's contents are used although they were made with other
   *     settings or data
   * @param shared finished stages of other runs
   */
  StageRunner(
      Run run,
      StageConfig stage,
      Tokenizer tokenizer,
      Ranks ranks,
      Function<Precision, Peak> peaks,
      Map<String, Object> environment,
      boolean acceptsChanges,
      SharedStages shared) {
    this.run = run;
    this.recipe = run.recipe();
    this.folder = run.folder();
    this.stage = stage;
    this.modelConfig = stage.model(recipe.model());
    this.tokenizer = tokenizer;
    this.tokenizerFile = Path.of(recipe.tokenizer().path());
    this.ranks = ranks;
    this.peaks = peaks;
    this.environment = environment;
    this.acceptsChanges = acceptsChanges;
    this.shared = shared;
  }

  /**
   * Runs the stage, or reads its result if it is already finished.
   *
   * @param runManager everything created here lives in a child of it and is freed on return
   * @param tokenizerHash SHA-256 of the tokenizer file
   * @param finished the recipe's earlier stages by name
   * @param describe writes to the run folder what is run; called once it is certain that the
   *     folder's contents allow it, and not for a finished stage
   * @throws InvalidConfigException when the folder contains this stage with other settings, or the
   *     recipe does not fit what the stage starts from
   */
  StageResult run(
      NDManager runManager,
      String tokenizerHash,
      Map<String, StageResult> finished,
      Runnable describe) {
    Parent parent = Parent.of(stage, finished);
    try (NDManager manager = runManager.newSubManager();
        @Nullable Mixture mixture = stage.examples() == 0 ? null : openMixture(parent)) {
      StageIdentity identity =
          new StageIdentity(
              recipe.seed(),
              recipe.computeThreads(),
              recipe.model(),
              tokenizerHash,
              mixture == null ? "" : mixture.fingerprint(),
              parent.fingerprint(),
              stage);
      TrainingData data = TrainingData.of(mixture, recipe, folder.root().toString());
      StageRecord record = new StageRecord(folder, identity, data, suites(), acceptsChanges);
      Optional<StageResult> before = record.read();
      if (before.isEmpty()) {
        try (SharedStages.@Nullable Claim claim =
            shared.claim(record.fingerprint(), folder, stage.name(), run.stop()).orElse(null)) {
          if (claim == null) {
            return train(manager, parent, mixture, record, describe);
          }
          claim.takeOver();
          StageResult result = completed(manager, parent, mixture, record, describe);
          claim.offer();
          return result;
        }
      }
      return completed(manager, parent, mixture, record, describe);
    }
  }

  /** The result of a finished stage, or of one that is still to be trained, scored or exported. */
  private StageResult completed(
      NDManager manager,
      Parent parent,
      @Nullable Mixture mixture,
      StageRecord record,
      Runnable describe) {
    Optional<StageResult> before = record.read();
    before.ifPresent(record::requireCheckpoint);
    if (before.isPresent() && (record.isReused() || record.isComplete(before.get()))) {
      LogHashes.altered(folder, stage.name(), CheckpointStore.peek(before.get().checkpoint()))
          .forEach(altered -> log.warn("{}: {}", stage.name(), altered));
      log.info("{}: already finished, its results are reused", stage.name());
      return before.get();
    }
    before.ifPresent(
        result ->
            log.info(
                "{}: already finished, but it has to be scored or exported again", stage.name()));
    return train(manager, parent, mixture, record, describe);
  }

  /** The score whose checkpoint is kept, if the recipe asks for one. */
  private Optional<BestScore> best(Evaluations evaluations, long examples) {
    ScoreChoice choice = stage.checkpoint().best();
    return choice == null ? Optional.empty() : evaluations.best(choice, examples, 0);
  }

  private Map<String, String> suites() {
    Map<String, String> identities = new LinkedHashMap<>();
    for (String name : stage.evaluate().suites()) {
      identities.put(name, SuiteIdentity.of(suite(name)));
    }
    return identities;
  }

  private SuiteConfig suite(String name) {
    return Objects.requireNonNull(recipe.suites().get(name), name);
  }

  private Mixture openMixture(Parent parent) {
    return Mixture.open(
        recipe.seed(),
        parent.order(),
        recipe.tasks(),
        stage,
        Decontamination.exclusions(recipe),
        tokenizer);
  }

  private StageResult train(
      NDManager manager,
      Parent parent,
      @Nullable Mixture mixture,
      StageRecord record,
      Runnable describe) {
    long began = System.nanoTime();
    run.progress().turnTo(Activity.START);
    StageModel model =
        new StageModel(stage, Models.of(modelConfig, stage.precision(), run.kernels()), tokenizer);
    CheckpointStore store = new CheckpointStore(folder.checkpoints(stage.name()));

    // ---- How far the stage has come
    List<String> since = new ArrayList<>();
    Optional<TrainingCheckpoint> own = store.latest(since::add);
    own.ifPresent(record::requireSame);
    Evaluations evaluations = new Evaluations(run, model, record.scores(), ranks.group());
    FirstState first =
        new FirstState(folder, recipe, stage, parent, record, environment, run.progress());
    FirstParameters parameters =
        new FirstParameters(
            stage,
            modelConfig,
            Models.of(modelConfig.withoutWindows(), stage.precision(), run.kernels()),
            mixture,
            recipe.seed());
    if (own.isPresent()) {
      for (String altered : LogHashes.altered(folder, stage.name(), own.get())) {
        log.warn("{}: {}", stage.name(), altered);
        since.add(altered);
      }
      record.scores().altered().forEach(altered -> log.warn("{}: {}", stage.name(), altered));
      since.add(
          "resumed from its checkpoint at " + StageFacts.of(own.get()).examples() + " examples");
      record.moved(own.get(), environment).ifPresent(since::add);
      if (mixture != null
          && StageFacts.of(own.get()).examples() > 0
          && stage.evaluate().before()
          && !record.scores().areComplete("before")) {
        // Its suites have changed since. The trained parameters are kept.
        try (NDManager scope = manager.newSubManager()) {
          TrainState begun =
              first
                  .imported(store)
                  .map(c -> StateFiles.read(scope, c))
                  .orElseGet(() -> first.handedOver(scope, parameters));
          score("before", evaluations, record, scope, begun);
        }
      }
    } else {
      since.clear(); // what was damaged is created again
    }
    Optional<TrainingCheckpoint> saved = own.or(() -> first.imported(store));
    TrainState state =
        saved
            .map(c -> StateFiles.read(manager, c))
            .orElseGet(() -> first.handedOver(manager, parameters));
    record.requireShapes(state.parameters());
    FirstState.requireSchedules(stage, state.scheduleStart() + stage.examples());
    describe.run();
    List<String> notes = StageStart.notes(folder, stage.name(), record.firstFingerprint());
    record.accepted().forEach(a -> since.add(a.toString()));
    since.forEach(note -> log.info("{}: {}", stage.name(), note));
    notes.addAll(since);

    try (StageCheckpoints checkpoints =
        new StageCheckpoints(
            folder,
            stage,
            record.facts(recipe, parent, environment, state.examples(), state.order()),
            store,
            examples -> best(evaluations, examples),
            manager)) {
      // ---- Training, with scores before and at the recipe's cadence
      if (mixture != null && state.examples() < stage.examples()) {
        if (state.examples() == 0 && stage.evaluate().before()) {
          score("before", evaluations, record, manager, state);
          run.stop().obey("before the first step of " + stage.name());
        }
        DataParallel parallel = ranks.train(stage, state);
        state =
            new TrainingLoop(run, model, cost(parallel.ranks().size()), mixture, parallel)
                .run(manager, state, checkpoints, evaluations);
        ranks.trained();
      }

      // ---- The results of the stage
      notes.addAll(SkippedExamples.notes(folder.skipped(stage.name())));
      long end = state.examples();
      run.progress().turnTo(Activity.SAVE);
      if (saved.filter(c -> StageFacts.of(c).examples() == end).isEmpty()
          && !checkpoints.isLast(state)) {
        LogHashes logs = LogHashes.of(folder, stage.name());
        if (end == 0) {
          checkpoints.saveHandedOver(state, parent.checkpoint(), logs);
        } else {
          checkpoints.saveEnd(state, logs);
        }
      }
      run.stop().unsaved(false);
      Path last = folder.checkpoints(stage.name()).resolve(StateFiles.name(end));
      checkpoints.keepLast();
      log.debug("{}: saved its end", stage.name());
      if (stage.evaluate().after()) {
        score("after", evaluations, record, manager, state);
        run.stop().obey("before the exports of " + stage.name());
      }
      state.close(); // exports read the checkpoint, and need the memory and the disk
      run.progress().turnTo(Activity.SAVE);
      notes.addAll(record.scores().leftOut());
      if (end < stage.examples()) {
        notes.add("ended early at %d of %d examples".formatted(end, stage.examples()));
      }
      best(evaluations, end)
          .ifPresent(
              score ->
                  notes.add(
                      "best checkpoint %s: %s"
                          .formatted(StateFiles.name(score.examples()), score.words())));
      StageResult result =
          new StageResult(
              stage.name(),
              record.fingerprint(),
              last,
              record.scores().all(),
              notes,
              new Exports(folder, stage, tokenizerFile).write(CheckpointStore.peek(last)),
              (System.nanoTime() - began) / 1e9,
              record.accepted());
      record.write(result);
      return result;
    }
  }

  /** Scores a state with all ranks, unless it has its scores. */
  private void score(
      String moment,
      Evaluations evaluations,
      StageRecord record,
      NDManager manager,
      TrainState state) {
    run.progress().turnTo(Activity.EVALUATE);
    if (!record.scores().areComplete(moment)) {
      ranks.score(stage, moment, state, () -> evaluations.score(moment, manager, state));
    }
  }

  /** What steps cost, and the peak of all ranks together, which have equal devices. */
  private StepCost cost(int ranks) {
    Peak one = peaks.apply(stage.precision());
    Peak peak =
        ranks == 1
            ? one
            : new Peak(
                ranks * one.flops(),
                "%d times that of one rank: %s".formatted(ranks, one.source()));
    if (peak.flops() > 0) {
      log.info(
          "{}: MFU is the share of {} TFLOP/s, {}",
          stage.name(),
          String.format(Locale.ROOT, "%.3g", peak.flops() / 1e12),
          peak.source());
    }
    return new StepCost(
        new ModelCost(modelConfig, stage.resolution(), stage.precision()),
        StagePlan.trainedParts(stage, modelConfig),
        peak);
  }
}
