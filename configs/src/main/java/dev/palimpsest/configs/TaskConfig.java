package dev.palimpsest.configs;

/**
 * A training task: a source whose examples carry a prefix and a suffix. Named by its key in the
 * recipe; stages give weights by that name.
 */
public record TaskConfig(SourceConfig source) {}
