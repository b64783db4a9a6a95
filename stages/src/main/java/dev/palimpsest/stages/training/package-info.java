/** The training loop and what it is made of: step, optimizer, schedules, guards, logs. */
@NullMarked
package dev.palimpsest.stages.training;

import org.jspecify.annotations.NullMarked;
