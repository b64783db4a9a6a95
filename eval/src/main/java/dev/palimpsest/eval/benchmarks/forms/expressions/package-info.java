/** The published form of benchmarks on referring expressions, and the pickles it comes in. */
@NullMarked
package dev.palimpsest.eval.benchmarks.forms.expressions;

import org.jspecify.annotations.NullMarked;
