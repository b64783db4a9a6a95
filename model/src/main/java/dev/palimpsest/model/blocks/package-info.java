/**
 * Blocks: their declaration, their differentiation one at a time, and the door to their parameters.
 */
@NullMarked
package dev.palimpsest.model.blocks;

import org.jspecify.annotations.NullMarked;
