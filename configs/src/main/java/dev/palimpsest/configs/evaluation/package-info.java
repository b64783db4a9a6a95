/** What a recipe and a benchmark file say of suites, decoding and gates. */
@NullMarked
package dev.palimpsest.configs.evaluation;

import org.jspecify.annotations.NullMarked;
