/** Metrics of short answers: each benchmark counts right answers in its own way. */
@NullMarked
package dev.palimpsest.eval.metrics.answers;

import org.jspecify.annotations.NullMarked;
