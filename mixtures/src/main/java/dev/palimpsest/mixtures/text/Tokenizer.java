package dev.palimpsest.mixtures.text;

import java.nio.file.Path;

/**
 * Gemma's tokenizer. It adds neither BOS nor EOS, which {@link TokenSequence} does. Thread-safe.
 */
public interface Tokenizer {
  /** Padding. */
  int PAD = 0;

  /** End of sequence. */
  int EOS = 1;

  /** Beginning of sequence. */
  int BOS = 2;

  /**
   * Reads {@code tokenizer.model} (SentencePiece BPE) or {@code tokenizer.json} (Hugging Face), or
   * the folder of one: {@code tokenizer.json} if it exists, and the tokens that {@code
   * added_tokens.json} and {@code tokenizer_config.json} add.
   *
   * @throws java.io.UncheckedIOException when a file cannot be read
   * @throws dev.palimpsest.mixtures.formats.MalformedFileException when it is not a tokenizer of a
   *     known kind; the message says what was found
   */
  static Tokenizer load(Path path) {
    return TokenizerFiles.read(path);
  }

  /**
   * Encodes a text. Location and segmentation tokens are atomic; the names of padding, EOS and BOS
   * are ordinary text.
   */
  int[] encode(String text);

  /**
   * Decodes ids up to the first {@link #EOS}. Ids beyond the vocabulary are no text, as in
   * transformers: a model may have more rows than its tokenizer has pieces, and answer with one.
   *
   * @throws IllegalArgumentException when an id is negative
   */
  String decode(int[] ids);

  /** Number of ids. */
  int vocabularySize();
}
