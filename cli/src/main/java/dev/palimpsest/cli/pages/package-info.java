/** What a recipe's data is, counted and shown: in the terminal and as self-contained HTML pages. */
@NullMarked
package dev.palimpsest.cli.pages;

import org.jspecify.annotations.NullMarked;
