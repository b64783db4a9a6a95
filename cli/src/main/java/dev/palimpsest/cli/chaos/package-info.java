/**
 * Proof of exact resume: runs a recipe whole, then again under SIGKILL at chosen places, and
 * compares what both leave.
 */
@NullMarked
package dev.palimpsest.cli.chaos;

import org.jspecify.annotations.NullMarked;
