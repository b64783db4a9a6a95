/** Metrics of boxes and masks: mean average precision and referring expressions. */
@NullMarked
package dev.palimpsest.eval.metrics.boxes;

import org.jspecify.annotations.NullMarked;
