/** Measurements: steps, data loading, decoding, leaks. */
@NullMarked
package dev.palimpsest.cli.bench;

import org.jspecify.annotations.NullMarked;
