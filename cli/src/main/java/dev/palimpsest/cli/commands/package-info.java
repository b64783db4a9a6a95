/** The commands, one class each, and what they share. */
@NullMarked
package dev.palimpsest.cli.commands;

import org.jspecify.annotations.NullMarked;
