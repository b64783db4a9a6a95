package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.mixtures.tasks.Example;
import java.util.function.LongFunction;

/**
 * Examples that are looked through as one.
 *
 * @param name what messages call it: a task, or {@code suite/task}
 * @param size how many
 * @param examples the example at a position, 0-based; thread-safe; throws {@link
 *     dev.palimpsest.mixtures.formats.BadExampleException} where there is no usable one
 */
public record Pool(String name, long size, LongFunction<Example> examples) {}
