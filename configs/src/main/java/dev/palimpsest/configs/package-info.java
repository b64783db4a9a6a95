@NullMarked
package dev.palimpsest.configs;

import org.jspecify.annotations.NullMarked;
