/** What pages are made of: escaped text, plots, pictures with boxes and masks over them. */
@NullMarked
package dev.palimpsest.cli.html;

import org.jspecify.annotations.NullMarked;
