@NullMarked
package dev.palimpsest.checkpoints;

import org.jspecify.annotations.NullMarked;
