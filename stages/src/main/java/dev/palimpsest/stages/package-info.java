/** The story of a run: pipeline, stages, gates, replay. */
@NullMarked
package dev.palimpsest.stages;

import org.jspecify.annotations.NullMarked;
