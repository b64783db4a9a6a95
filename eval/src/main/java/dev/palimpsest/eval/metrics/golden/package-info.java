/** Comparison of every metric with numbers that the official programs computed. */
@NullMarked
package dev.palimpsest.eval.metrics.golden;

import org.jspecify.annotations.NullMarked;
