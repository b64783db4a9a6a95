package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.model.towers.ModelInput;

/**
 * A micro batch for a training step.
 *
 * @param input what the model sees
 * @param targets int64 [B, T], on any device: the token that each text position predicts
 * @param lossMask float32 [B, T], on any device: 1 where the target is supervised
 */
public record TrainingInput(ModelInput input, NDArray targets, NDArray lossMask) {}
