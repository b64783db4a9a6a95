/**
 * Metrics of vision-language benchmarks, each equal to the program that published it. Pure text and
 * numbers: no tensors, no model.
 */
@NullMarked
package dev.palimpsest.eval.metrics;

import org.jspecify.annotations.NullMarked;
