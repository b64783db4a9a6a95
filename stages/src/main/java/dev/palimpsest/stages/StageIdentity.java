package dev.palimpsest.stages;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.StageConfig;

/**
 * All that decides a stage's numbers. Equal identities give equal checkpoints, so a finished stage
 * with this identity is reused.
 *
 * @param seed the run's seed
 * @param model sizes
 * @param tokenizer SHA-256 of the tokenizer file
 * @param mixture fingerprint of the stage's data; empty when it does not train
 * @param parent what it starts from: the parent stage's fingerprint, a checkpoint's id, or the
 *     content hash of published files
 * @param stage the stage's settings
 */
record StageIdentity(
    long seed,
    ModelConfig model,
    String tokenizer,
    String mixture,
    String parent,
    StageConfig stage) {}
