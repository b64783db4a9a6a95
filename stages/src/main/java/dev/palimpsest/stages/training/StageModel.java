package dev.palimpsest.stages.training;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.eval.EvaluatedModel;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.stages.state.TrainState;

/** The network of a stage, which is trained and asked with the stage's settings. */
public record StageModel(StageConfig stage, VisionLanguageModel network, Tokenizer tokenizer) {
  /**
   * The network with a state's parameters, as all ranks ask it.
   *
   * @param identity of the state, by which stored answers are recognised
   */
  EvaluatedModel at(TrainState state, String identity) {
    return new EvaluatedModel(
        network,
        Weights.of(state.parameters()),
        tokenizer,
        stage.resolution(),
        stage.image(),
        stage.textTokens(),
        stage.taskPrefix(),
        identity);
  }
}
