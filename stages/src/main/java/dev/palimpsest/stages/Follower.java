package dev.palimpsest.stages;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.StepCost;
import dev.palimpsest.stages.plan.StagePlan;
import dev.palimpsest.stages.preparation.Decontamination;
import dev.palimpsest.stages.preparation.Epochs;
import dev.palimpsest.stages.state.Consumed;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.DataParallel;
import dev.palimpsest.stages.training.Activity;
import dev.palimpsest.stages.training.OthersSaves;
import dev.palimpsest.stages.training.OthersScoring;
import dev.palimpsest.stages.training.Run;
import dev.palimpsest.stages.training.Scoring;
import dev.palimpsest.stages.training.StageModel;
import dev.palimpsest.stages.training.TrainingLoop;
import java.nio.file.Path;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run on a rank other than the first: it trains stages and answers questions when the first one
 * asks for it, and writes only its part of checkpoints. The first rank alone decides which stages
 * are trained, and from which state.
 */
final class Follower {
  private static final Logger log = LoggerFactory.getLogger(Follower.class);

  private final Run run;
  private final DataParallel parallel;

  Follower(Run run, DataParallel parallel) {
    this.run = run;
    this.parallel = parallel;
  }

  /**
   * Trains with the others until the run is over.
   *
   * @return the exit code of the first rank
   */
  int run(NDManager runManager) {
    // Its state is the first rank's, which therefore decides when the processes may end.
    run.stop().unsaved(true);
    run.progress().turnTo(Activity.COLLECTIVE);
    TrainingOrder order = TrainingOrder.receive(parallel.ranks());
    while (!order.isEnd()) {
      take(runManager, order);
      run.stop().unsaved(true);
      run.progress().turnTo(Activity.COLLECTIVE);
      order = TrainingOrder.receive(parallel.ranks());
    }
    return order.exitCode();
  }

  private void take(NDManager runManager, TrainingOrder order) {
    Tokenizer tokenizer = Tokenizer.load(Path.of(run.recipe().tokenizer().path()));
    StageConfig stage =
        Epochs.resolved(run.recipe(), tokenizer).stages().stream()
            .filter(s -> s.name().equals(order.stage()))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no stage " + order.stage()));
    ModelConfig architecture = stage.model(run.recipe().model());
    StageModel model =
        new StageModel(stage, Models.of(architecture, stage.precision(), run.kernels()), tokenizer);
    Scoring scoring = new OthersScoring(run, model, parallel.ranks());
    Map<String, Shape> shapes = ParameterSpecs.of(architecture, stage.resolution());
    try (NDManager manager = runManager.newSubManager()) {
      TrainState start =
          new TrainState(
              order.moment().isEmpty()
                  ? Parameters.placeholders(manager, shapes)
                  : Parameters.zeros(manager, shapes),
              Map.of(),
              order.updates(),
              order.examples(),
              order.scheduleStart(),
              order.order(),
              order.dataStart(),
              order.guard(),
              Consumed.NOTHING);
      if (!order.moment().isEmpty()) {
        log.debug("{}: takes part in its scores", stage.name());
        run.progress().turnTo(Activity.EVALUATE);
        parallel.distribute(start.parameters());
        scoring.score(order.moment(), manager, start);
      } else {
        log.debug("{}: follows from {} examples", stage.name(), order.examples());
        train(manager, model, architecture, start, scoring);
      }
    }
  }

  private void train(
      NDManager manager,
      StageModel model,
      ModelConfig architecture,
      TrainState start,
      Scoring scoring) {
    StageConfig stage = model.stage();
    try (OthersSaves saves = new OthersSaves(run.folder(), stage, manager);
        Mixture mixture =
            Mixture.open(
                run.recipe().seed(),
                start.order(),
                run.recipe().tasks(),
                stage,
                Decontamination.exclusions(run.recipe()),
                model.tokenizer())) {
      new TrainingLoop(
              run,
              model,
              new StepCost(
                  new ModelCost(architecture, stage.resolution(), stage.precision()),
                  StagePlan.trainedParts(stage, architecture),
                  Peak.UNKNOWN),
              mixture,
              parallel)
          .run(manager, start, saves, scoring);
    }
  }
}
