/**
 * One training step: micro batches, their gradients over ranks, guards, and capsules that repeat a
 * step.
 */
@NullMarked
package dev.palimpsest.stages.step;

import org.jspecify.annotations.NullMarked;
