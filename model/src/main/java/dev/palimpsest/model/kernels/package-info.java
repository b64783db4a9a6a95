/** The scripted operations, how they are packed and loaded, and facts about the engine. */
@NullMarked
package dev.palimpsest.model.kernels;

import org.jspecify.annotations.NullMarked;
