/** The published forms of benchmarks on questions about pictures, one class each. */
@NullMarked
package dev.palimpsest.eval.benchmarks.forms.questions;

import org.jspecify.annotations.NullMarked;
