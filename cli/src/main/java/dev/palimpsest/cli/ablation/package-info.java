/** Ablations: variants of a recipe, trained with several seeds and compared. */
@NullMarked
package dev.palimpsest.cli.ablation;

import org.jspecify.annotations.NullMarked;
