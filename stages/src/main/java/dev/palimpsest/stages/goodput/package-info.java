/** Where a run's time went, over all its processes, and where it would go on a cluster. */
@NullMarked
package dev.palimpsest.stages.goodput;

import org.jspecify.annotations.NullMarked;
