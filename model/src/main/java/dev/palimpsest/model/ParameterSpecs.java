package dev.palimpsest.model;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.blocks.BlockSpec;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The project's own parameter names and shapes, in order, as found by walking a model's blocks.
 * Every matrix is {@code [out, in]}. {@code SigLip}, {@code Embedding} and {@code Gemma} list
 * theirs.
 */
public final class ParameterSpecs {
  private ParameterSpecs() {}

  /** All names and shapes of a model at a resolution. */
  public static Map<String, Shape> of(ModelConfig model, int resolution) {
    return of(Architecture.of(model), resolution);
  }

  /** All names and shapes of a network of any towers. */
  public static Map<String, Shape> of(Architecture architecture, int resolution) {
    return of(architecture.blocks(resolution));
  }

  /** Names of the parameters of a model that may be lent in bfloat16. */
  public static Set<String> products(ModelConfig model, int resolution) {
    Set<String> names = new HashSet<>();
    for (BlockSpec block : Architecture.of(model).blocks(resolution)) {
      block.parameters().stream()
          .filter(BlockSpec.Parameter::product)
          .forEach(parameter -> names.add(block.name(parameter)));
    }
    return names;
  }

  /** All names and shapes of these blocks. */
  static Map<String, Shape> of(List<BlockSpec> blocks) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    for (BlockSpec block : blocks) {
      for (BlockSpec.Parameter parameter : block.parameters()) {
        shapes.put(block.name(parameter), parameter.shape());
      }
    }
    return shapes;
  }
}
