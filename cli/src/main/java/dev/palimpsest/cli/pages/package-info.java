/** Pages of runs and evaluations, written and served. */
@NullMarked
package dev.palimpsest.cli.pages;

import org.jspecify.annotations.NullMarked;
