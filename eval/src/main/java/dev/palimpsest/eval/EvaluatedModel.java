package dev.palimpsest.eval;

import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;

/**
 * A model that is evaluated.
 *
 * @param model the network
 * @param weights its parameters
 * @param tokenizer its tokenizer
 * @param resolution side of the square input, in pixels
 * @param image the preprocessing that it was trained with; a benchmark has its own
 * @param textTokens text positions of a prompt; likewise
 * @param taskPrefix whether prompts from a recipe's sources name their tasks, as in its training
 * @param fingerprint of parameters and tokenizer: answers of a model with the same fingerprint are
 *     reused
 */
public record EvaluatedModel(
    VisionLanguageModel model,
    Weights weights,
    Tokenizer tokenizer,
    int resolution,
    ImageConfig image,
    int textTokens,
    boolean taskPrefix,
    String fingerprint) {}
