/** Data order as a pure function: which task and which example stand at a position. */
@NullMarked
package dev.palimpsest.mixtures.order;

import org.jspecify.annotations.NullMarked;
