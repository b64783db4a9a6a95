/** How config records declare keys, check values and report every mistake at once. */
@NullMarked
package dev.palimpsest.configs.checks;

import org.jspecify.annotations.NullMarked;
