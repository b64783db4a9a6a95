/** Readers of file formats that know nothing of examples: Arrow, tar, JSON by offset, CSV. */
@NullMarked
package dev.palimpsest.mixtures.formats;

import org.jspecify.annotations.NullMarked;
