/** What a stage takes over from what it starts from: its first parameters and their positions. */
@NullMarked
package dev.palimpsest.stages.handover;

import org.jspecify.annotations.NullMarked;
