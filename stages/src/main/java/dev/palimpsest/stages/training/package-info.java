/** The training loop and what it is made of: step, guards, checkpoints, evaluations, logs. */
@NullMarked
package dev.palimpsest.stages.training;

import org.jspecify.annotations.NullMarked;
