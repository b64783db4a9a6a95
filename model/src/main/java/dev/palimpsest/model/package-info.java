@NullMarked
package dev.palimpsest.model;

import org.jspecify.annotations.NullMarked;
