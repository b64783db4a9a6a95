package dev.palimpsest.stages;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.state.GuardState;
import dev.palimpsest.stages.state.TrainState;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * What the first rank tells the others while they wait: to train a stage with it, to take part in
 * scoring one of its states, or to end.
 *
 * @param stage name of the stage; empty: the run is over
 * @param moment at which a state is scored, whose parameters follow; empty: the stage is trained
 * @param exitCode of the process if the run is over
 * @param updates as in {@link TrainState}, like the rest
 */
record TrainingOrder(
    String stage,
    String moment,
    int exitCode,
    long updates,
    long examples,
    long scheduleStart,
    String order,
    long dataStart,
    GuardState guard) {
  /** To train a stage from a state, whose arrays follow. */
  static TrainingOrder train(String stage, TrainState state) {
    return new TrainingOrder(
        stage,
        "",
        0,
        state.updates(),
        state.examples(),
        state.scheduleStart(),
        state.order(),
        state.dataStart(),
        state.guard());
  }

  /** To take part in scoring a state, whose parameters follow. */
  static TrainingOrder score(String stage, String moment) {
    return new TrainingOrder(stage, moment, 0, 0, 0, 0, "", 0, GuardState.START);
  }

  /** To end. */
  static TrainingOrder end(int exitCode) {
    return new TrainingOrder("", "", exitCode, 0, 0, 0, "", 0, GuardState.START);
  }

  boolean isEnd() {
    return stage.isEmpty();
  }

  /** Called by the first rank. */
  void give(Collectives ranks) {
    try {
      ranks.announced(Json.STRICT.writeValueAsBytes(this));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Called by the others, which wait for it. */
  static TrainingOrder receive(Collectives ranks) {
    try {
      return Json.STRICT.readValue(ranks.announced(new byte[0]), TrainingOrder.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
