/** Which metrics there are, by name and variant. */
@NullMarked
package dev.palimpsest.eval.metrics.registry;

import org.jspecify.annotations.NullMarked;
