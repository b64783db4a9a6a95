/** What commands and their caller share: exit codes, failures, signals, the screen, progress. */
@NullMarked
package dev.palimpsest.cli.terminal;

import org.jspecify.annotations.NullMarked;
