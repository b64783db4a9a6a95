/** From tasks to batches: the weighted mixture, prefetching, batches in Arrow columns. */
@NullMarked
package dev.palimpsest.mixtures;

import org.jspecify.annotations.NullMarked;
