package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;

/**
 * What the model sees of a batch. Arrays belong to the caller's manager (the step's).
 *
 * <p>Letters used throughout this package: B examples, F images an example, S resolution, N image
 * tokens of one image, T text tokens, L = F*N + T, D decoder width, V vocabulary.
 *
 * @param images float32 [B, F, S, S, 3], values in [-1, 1]
 * @param text int64 [B, T]
 * @param maskAr int64 [B, T]: 1 where a token does not belong to its predecessor's attention block
 */
public record ModelInput(NDArray images, NDArray text, NDArray maskAr) {}
