/**
 * Checks of an export: whether other programs load all of it, and whether it is what was exported.
 */
@NullMarked
package dev.palimpsest.cli.verify;

import org.jspecify.annotations.NullMarked;
