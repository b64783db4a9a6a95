/** A run's folder: its files, its lock, and the scores of its stages. */
@NullMarked
package dev.palimpsest.stages.folder;

import org.jspecify.annotations.NullMarked;
