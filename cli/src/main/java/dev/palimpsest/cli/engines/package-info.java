/** Builds of libtorch besides the one that Maven brings along: fetched, or a site's own. */
@NullMarked
package dev.palimpsest.cli.engines;

import org.jspecify.annotations.NullMarked;
