package dev.palimpsest.cli.verify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Weights;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Float32 parameters that are read from their file when a block takes them, and freed when it is
 * done: one pass over a model needs the memory of its largest block.
 */
final class StreamedWeights implements Weights {
  private final NDManager manager;
  private final Map<String, Tensor> tensors = new HashMap<>();

  /**
   * Weights of a model that is only read.
   *
   * @param manager arrays belong to children of it
   * @param tensors float32, with the names of {@code ParameterSpecs}
   */
  StreamedWeights(NDManager manager, List<Tensor> tensors) {
    this.manager = manager;
    tensors.forEach(tensor -> this.tensors.put(tensor.info().name(), tensor));
  }

  @Override
  public Precision products() {
    return Precision.F32;
  }

  @Override
  public boolean isTrained(String name) {
    return false;
  }

  @Override
  public Lease take(BlockSpec block) {
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    try {
      for (BlockSpec.Parameter parameter : block.parameters()) {
        String name = block.name(parameter);
        arrays.put(parameter.name(), Objects.requireNonNull(tensors.get(name), name).toArray(own));
      }
    } catch (RuntimeException e) {
      own.close();
      throw e;
    }
    return new ReadLease(own, arrays);
  }

  private record ReadLease(NDManager manager, Map<String, NDArray> arrays) implements Lease {
    @Override
    public void add(Map<String, NDArray> gradients) {
      throw new UnsupportedOperationException("these weights are not trained");
    }

    @Override
    public NDArray sum(String parameter) {
      throw new UnsupportedOperationException("these weights are not trained");
    }

    @Override
    public void close() {
      manager.close();
    }
  }
}
