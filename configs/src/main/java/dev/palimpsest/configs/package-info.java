/** What to run: the records that a recipe, a benchmark file and their parts are bound to. */
@NullMarked
package dev.palimpsest.configs;

import org.jspecify.annotations.NullMarked;
