/**
 * Checkpoints as others publish and load them: import, export, name tables, resampling of position
 * embeddings.
 */
@NullMarked
package dev.palimpsest.checkpoints.published;

import org.jspecify.annotations.NullMarked;
