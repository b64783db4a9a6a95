/** Reports and self-contained HTML pages. */
@NullMarked
package dev.palimpsest.cli.reports;

import org.jspecify.annotations.NullMarked;
