/** big_vision's optimizers, with their parameter groups and learning-rate schedules. */
@NullMarked
package dev.palimpsest.stages.optimizer;

import org.jspecify.annotations.NullMarked;
