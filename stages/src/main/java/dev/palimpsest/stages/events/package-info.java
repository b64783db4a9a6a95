/** Scalars of a stage as other programs read them. */
@NullMarked
package dev.palimpsest.stages.events;

import org.jspecify.annotations.NullMarked;
