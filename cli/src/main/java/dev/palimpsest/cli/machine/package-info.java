/** What commands compute on. */
@NullMarked
package dev.palimpsest.cli.machine;

import org.jspecify.annotations.NullMarked;
