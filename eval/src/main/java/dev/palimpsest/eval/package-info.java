@NullMarked
package dev.palimpsest.eval;

import org.jspecify.annotations.NullMarked;
