package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.state.GuardState;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.Capsule;
import dev.palimpsest.stages.step.DivergenceException;
import dev.palimpsest.stages.step.Division;
import dev.palimpsest.stages.step.Guard;
import dev.palimpsest.stages.step.GuardEvent;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.TrainStep;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A training step under the stage's guard. */
final class GuardedStep {
  private static final Logger log = LoggerFactory.getLogger(GuardedStep.class);

  private final StageConfig stage;
  private final TrainStep step;
  private final Guard guard;
  private final Saves saves;
  private final @Nullable Division division;

  /**
   * The step of a stage.
   *
   * @param division of the state among ranks; null: there is none
   */
  GuardedStep(StageConfig stage, TrainStep step, Saves saves, @Nullable Division division) {
    this.stage = stage;
    this.step = step;
    this.guard = new Guard(stage.guard());
    this.saves = saves;
    this.division = division;
  }

  /**
   * A completed step.
   *
   * @param state after it
   * @param event what the guard found; null if nothing
   */
  record Done(TrainState state, TrainStep.Outcome outcome, @Nullable GuardEvent event) {}

  /** Bytes of memory that is kept between steps. */
  long keptBytes() {
    return step.keptBytes();
  }

  /** Frees them until the next step. */
  void rest() {
    step.rest();
  }

  /**
   * Makes a step, or consumes its batch without one.
   *
   * @throws DivergenceException when the guard's policy is to stop
   */
  Done run(NDManager manager, TrainState before, Function<NDManager, MicroBatch> next) {
    List<GuardEvent> events = new ArrayList<>(1);
    TrainStep.Outcome outcome =
        step.run(
            manager,
            before,
            next,
            attempt -> {
              Optional<Guard.Finding> found =
                  guard.judge(before.guard(), attempt.loss(), attempt.gradientNorm());
              found.ifPresent(f -> events.add(event(before, attempt, f)));
              return found.map(f -> f.action() == GuardEvent.Action.NOTE).orElse(true);
            });
    GuardEvent event = events.isEmpty() ? null : events.get(0);
    GuardState remembered = before.guard();
    if (event != null && event.capsule() != null) {
      remembered = remembered.withCapsule();
    }
    TrainState state =
        outcome.updated()
            ? before.after(stage.batchSize(), guard.after(remembered, outcome.loss()))
            : before.skipping(stage.batchSize(), remembered.withSkip());
    return new Done(state, outcome, event);
  }

  private GuardEvent event(TrainState before, TrainStep.Attempt attempt, Guard.Finding found) {
    Path capsule = null;
    if (guard.leavesCapsule(before.guard())) {
      capsule = saves.saveCapsule(before, division, Capsule.facts(found, attempt));
    }
    GuardEvent event = new GuardEvent(found.what(), found.action(), capsule);
    String where =
        "stage %s, step %d, %s"
            .formatted(stage.name(), before.examples() / stage.batchSize() + 1, attempt.position());
    String replay = capsule == null ? "" : ". See palimpsest replay " + capsule;
    if (event.action() == GuardEvent.Action.STOP) {
      throw new DivergenceException(
          ("%s: stopped before the update, since %s. Parameters are still those of the last update. "
                  + "Look at these examples, lower optimizer.learningRate or lengthen the warm-up%s")
              .formatted(where, event.what(), replay));
    }
    log.warn(
        "{}: {}; {}{}",
        where,
        event.what(),
        event.action() == GuardEvent.Action.SKIP ? "batch skipped" : "noted",
        replay);
    return event;
  }
}
