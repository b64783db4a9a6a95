package dev.palimpsest.cli.verify;

import dev.palimpsest.configs.ModelConfig;

/**
 * The model in an export.
 *
 * @param resolution side of its pictures, in pixels
 * @param rows rows of its embedding, those of padding among them
 */
record ExportedModel(ModelConfig model, int resolution, int rows) {}
