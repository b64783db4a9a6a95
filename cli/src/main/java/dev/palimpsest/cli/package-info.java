/** The entry point. */
@NullMarked
package dev.palimpsest.cli;

import org.jspecify.annotations.NullMarked;
