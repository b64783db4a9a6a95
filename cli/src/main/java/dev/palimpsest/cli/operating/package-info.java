/** What is there to watch a run from outside: its state, its heartbeat, its metrics. */
@NullMarked
package dev.palimpsest.cli.operating;

import org.jspecify.annotations.NullMarked;
