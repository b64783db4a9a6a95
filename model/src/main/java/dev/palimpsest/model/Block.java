package dev.palimpsest.model;

import java.util.List;

/**
 * A piece of the network that is differentiated on its own: {@code y = kernel(x, parameters,
 * settings)}.
 *
 * @param name what its output is called in a {@link Trace}
 * @param kernel method in the kernel sources
 * @param parameters names, in the kernel's order
 * @param settings further arguments: numbers, and arrays that take no gradient
 * @param graphBytes about what autograd keeps between the block's forward and backward pass
 */
record Block(
    String name, String kernel, List<String> parameters, List<Object> settings, long graphBytes) {}
