/**
 * Benchmark files in the forms in which they are published, read into examples that can be prompted
 * and scored. Unknown keys are ignored, ids may be numbers or texts, and answers may be missing, as
 * they are on test splits.
 */
@NullMarked
package dev.palimpsest.eval.benchmarks;

import org.jspecify.annotations.NullMarked;
