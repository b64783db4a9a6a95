/** The training loop, with its checkpoints and evaluations. */
@NullMarked
package dev.palimpsest.stages.training;

import org.jspecify.annotations.NullMarked;
