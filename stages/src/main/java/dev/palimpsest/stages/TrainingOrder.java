package dev.palimpsest.stages;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ranks.Collectives;
import dev.palimpsest.stages.state.GuardState;
import dev.palimpsest.stages.state.TrainState;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * What the first rank tells the others while they wait: to train a stage with it, or to end.
 *
 * @param stage name of the stage to be trained; empty: the run is over
 * @param exitCode of the process if the run is over
 * @param updates as in {@link TrainState}, like the rest
 */
record TrainingOrder(
    String stage,
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
        0,
        state.updates(),
        state.examples(),
        state.scheduleStart(),
        state.order(),
        state.dataStart(),
        state.guard());
  }

  /** To end. */
  static TrainingOrder end(int exitCode) {
    return new TrainingOrder("", exitCode, 0, 0, 0, "", 0, GuardState.START);
  }

  boolean isEnd() {
    return stage.isEmpty();
  }

  /** Called by the first rank. */
  void give(Collectives ranks) {
    ranks.await();
    try {
      ranks.broadcast(Json.STRICT.writeValueAsBytes(this), 0);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Called by the others, which wait for it. */
  static TrainingOrder receive(Collectives ranks) {
    ranks.await();
    try {
      return Json.STRICT.readValue(ranks.broadcast(new byte[0], 0), TrainingOrder.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
