package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;

/**
 * How given tokens stand among all of the vocabulary, each after what precedes it.
 *
 * @param logProbabilities float32
 * @param leads each token's logit less the highest other one, float32 of the same shape: positive
 *     where the token is the likeliest
 */
public record TokenScores(NDArray logProbabilities, NDArray leads) {}
