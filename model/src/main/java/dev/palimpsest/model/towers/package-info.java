/**
 * The image tower and the decoder, each declared as blocks, and where tokens stand in a sequence.
 */
@NullMarked
package dev.palimpsest.model.towers;

import org.jspecify.annotations.NullMarked;
