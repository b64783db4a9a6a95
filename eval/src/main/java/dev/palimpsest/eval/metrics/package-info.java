/**
 * Metrics of vision-language benchmarks, each equal to the program that published it. Pure text and
 * numbers: no tensors, no model.
 *
 * <p>To add one: write a {@link dev.palimpsest.eval.metrics.Metric} with name, variant and version,
 * list it in {@link dev.palimpsest.eval.metrics.Metrics}, and bring numbers that the official
 * program computed, as a layout of {@link dev.palimpsest.eval.metrics.MetricCertification}. A
 * change that can alter a value raises the version.
 */
@NullMarked
package dev.palimpsest.eval.metrics;

import org.jspecify.annotations.NullMarked;
