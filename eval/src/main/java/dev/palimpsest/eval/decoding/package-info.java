/** Answers of a model: how prompts become tokens, and how likely given answers are. */
@NullMarked
package dev.palimpsest.eval.decoding;

import org.jspecify.annotations.NullMarked;
