/** A stage's checkpoint in the formats of others. */
@NullMarked
package dev.palimpsest.stages.exports;

import org.jspecify.annotations.NullMarked;
