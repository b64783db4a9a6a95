/** From a row to prompt and target: the task types of the mixture. */
@NullMarked
package dev.palimpsest.mixtures.tasks;

import org.jspecify.annotations.NullMarked;
