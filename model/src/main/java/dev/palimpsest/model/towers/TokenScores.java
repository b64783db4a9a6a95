package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;

/**
 * Scores of given tokens relative to the whole vocabulary, each given what precedes it.
 *
 * @param logProbabilities float32
 * @param leads each token's logit minus the highest other one, float32 of the same shape: positive
 *     if the token is the most likely
 */
public record TokenScores(NDArray logProbabilities, NDArray leads) {}
