/** The published forms of benchmarks on captions, one class each. */
@NullMarked
package dev.palimpsest.eval.benchmarks.forms.captions;

import org.jspecify.annotations.NullMarked;
