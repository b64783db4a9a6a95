/** From picture files to pixels: decoding, orientation, resizing, augmentation. */
@NullMarked
package dev.palimpsest.mixtures.images;

import org.jspecify.annotations.NullMarked;
