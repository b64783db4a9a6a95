/** What is made before stage 0: the drawn dataset, towers, the search for contamination. */
@NullMarked
package dev.palimpsest.stages.preparation;

import org.jspecify.annotations.NullMarked;
