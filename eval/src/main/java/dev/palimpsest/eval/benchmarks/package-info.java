/**
 * Benchmarks: their definitions, and their files read into questions that can be put to a model and
 * scored. The forms in which the files are published are in {@code forms}.
 */
@NullMarked
package dev.palimpsest.eval.benchmarks;

import org.jspecify.annotations.NullMarked;
