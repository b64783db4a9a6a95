package dev.palimpsest.configs;

/**
 * The tokenizer of all stages, normally Gemma's.
 *
 * @param path a {@code tokenizer.model} (SentencePiece) or {@code tokenizer.json} (Hugging Face)
 *     file
 */
public record TokenizerConfig(String path) {}
