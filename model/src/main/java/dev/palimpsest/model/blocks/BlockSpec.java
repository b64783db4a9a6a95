package dev.palimpsest.model.blocks;

import ai.djl.ndarray.types.Shape;
import java.util.List;

/**
 * The one declaration of a block: a piece of the network that is differentiated on its own. Names,
 * shapes and initialisation of a model's parameters ({@code ParameterSpecs}, {@link
 * Initialization}) come from walking its blocks, and a kernel receives its parameters by these
 * names.
 *
 * @param path the prefix of its parameters' names, without the final slash
 * @param kernel method in the kernel sources, {@code kernel(x, w, settings..., arguments...)}:
 *     {@code w} contains the parameters by their names in the block; arguments change from call to
 *     call
 * @param parameters in the order in which they are saved and updated
 * @param settings numbers that depend on the model's sizes, in the kernel's order
 */
public record BlockSpec(
    String path, String kernel, List<Parameter> parameters, List<Object> settings) {
  /**
   * A parameter.
   *
   * @param name within the block; the full name is {@code path/name}
   * @param shape of the float32 array
   * @param init how it is initialised
   * @param product whether it is only used in products with activations, so that a model that
   *     computes in bfloat16 may be lent it in bfloat16. An embedding table counts as well: its
   *     rows, unlike in training, are then those of bfloat16
   */
  public record Parameter(String name, Shape shape, Init init, boolean product) {
    /** A parameter that is always lent in float32. */
    public Parameter(String name, Shape shape, Init init) {
      this(name, shape, init, false);
    }
  }

  /** Copies the lists. */
  public BlockSpec {
    parameters = List.copyOf(parameters);
    settings = List.copyOf(settings);
  }

  /** A parameter's full name. */
  public String name(Parameter parameter) {
    return path + "/" + parameter.name();
  }
}
