/** Training checkpoints: written completely or not at all, verified, kept or removed. */
@NullMarked
package dev.palimpsest.checkpoints;

import org.jspecify.annotations.NullMarked;
