/**
 * What a metric of vision-language benchmarks is, and what its values are made of; each metric is
 * equal to the program that published it. Pure text and numbers: no tensors, no model.
 *
 * <p>To add one: write a {@link dev.palimpsest.eval.metrics.Metric} with name, variant and version
 * in the package of its kind ({@code answers}, {@code boxes}, {@code captions}), list it in {@code
 * registry.Metrics}, and bring numbers that the official program computed, as a layout of {@code
 * golden.MetricCertification}. A change that can alter a value raises the version.
 */
@NullMarked
package dev.palimpsest.eval.metrics;

import org.jspecify.annotations.NullMarked;
