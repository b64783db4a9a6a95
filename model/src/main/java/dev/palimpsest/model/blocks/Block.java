package dev.palimpsest.model.blocks;

import java.util.List;

/**
 * A block as it is run in one pass: {@code y = kernel(x, w, settings..., arguments...)}.
 *
 * @param name its output's name in a {@link Trace}
 * @param arguments values that differ from pass to pass: numbers, and arrays that take no gradient
 * @param graphBytes estimate of the memory that autograd keeps between the block's forward and
 *     backward pass
 */
public record Block(String name, BlockSpec spec, List<Object> arguments, long graphBytes) {}
