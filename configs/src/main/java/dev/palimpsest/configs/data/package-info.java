/** What a recipe says of tasks, their sources, pictures and preparation. */
@NullMarked
package dev.palimpsest.configs.data;

import org.jspecify.annotations.NullMarked;
