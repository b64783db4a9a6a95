/** Boxes and masks as PaliGemma writes them, there and back. */
@NullMarked
package dev.palimpsest.mixtures.codecs;

import org.jspecify.annotations.NullMarked;
