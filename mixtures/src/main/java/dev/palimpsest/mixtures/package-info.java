@NullMarked
package dev.palimpsest.mixtures;

import org.jspecify.annotations.NullMarked;
