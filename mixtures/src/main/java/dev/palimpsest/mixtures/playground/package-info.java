/**
 * A small drawn dataset, so that a rehearsal of the whole pipeline needs nothing from outside:
 * pictures of coloured figures and of printed words, with captions, questions, print and boxes in
 * PaliGemma's published fine-tuning format.
 */
@NullMarked
package dev.palimpsest.mixtures.playground;

import org.jspecify.annotations.NullMarked;
