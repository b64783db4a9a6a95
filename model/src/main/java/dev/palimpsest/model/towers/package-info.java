/**
 * The image tower and the decoder, each declared as blocks, and the layout of tokens in sequences.
 */
@NullMarked
package dev.palimpsest.model.towers;

import org.jspecify.annotations.NullMarked;
