/** Tokenizers, read from SentencePiece and Hugging Face files, and token sequences. */
@NullMarked
package dev.palimpsest.mixtures.text;

import org.jspecify.annotations.NullMarked;
