/** A run's folder: its files, its lock, and one reader of what it holds. */
@NullMarked
package dev.palimpsest.stages.folder;

import org.jspecify.annotations.NullMarked;
