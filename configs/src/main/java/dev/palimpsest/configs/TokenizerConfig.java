package dev.palimpsest.configs;

/**
 * Gemma's tokenizer.
 *
 * @param path a {@code tokenizer.model} (SentencePiece) or {@code tokenizer.json} (Hugging Face)
 *     file
 */
public record TokenizerConfig(String path) {}
