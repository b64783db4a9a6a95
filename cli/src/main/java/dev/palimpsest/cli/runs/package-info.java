/** Run folders on the disk: which there are, how they fare, what of them can be removed. */
@NullMarked
package dev.palimpsest.cli.runs;

import org.jspecify.annotations.NullMarked;
