package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.mixtures.tasks.Example;
import java.util.function.LongFunction;

/**
 * A set of examples that is searched as a whole.
 *
 * @param name its name in messages: a task, or {@code suite/task}
 * @param size number of examples
 * @param examples returns the example at a position, 0-based; thread-safe; throws {@link
 *     dev.palimpsest.mixtures.formats.BadExampleException} if it is not usable
 */
public record Pool(String name, long size, LongFunction<Example> examples) {}
