/** The scripted operations, how they are packed and loaded, and what the engine tells of itself. */
@NullMarked
package dev.palimpsest.model.kernels;

import org.jspecify.annotations.NullMarked;
