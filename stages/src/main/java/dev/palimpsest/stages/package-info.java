/** The story of a run: pipeline, stages, exports, gates, replay, and what a run folder holds. */
@NullMarked
package dev.palimpsest.stages;

import org.jspecify.annotations.NullMarked;
