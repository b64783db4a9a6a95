/** Lineage of checkpoints for people: the graph as text and SVG, differences, reproduction. */
@NullMarked
package dev.palimpsest.cli.lineage;

import org.jspecify.annotations.NullMarked;
