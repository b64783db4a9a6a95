package dev.palimpsest.checkpoints.published;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorBytes;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.model.blocks.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Parameters by our names, which an export reads piece by piece from a checkpoint's file or from
 * arrays in memory.
 */
public interface ParameterValues {
  /** Names and shapes. */
  Map<String, Shape> shapes();

  /** A parameter's values, float32 and row-major. */
  TensorBytes bytes(String name);

  /** Called before an export becomes visible; throws when what was read cannot be trusted. */
  default void allRead() {}

  /** Arrays in memory; they must stay open until the export is written. */
  static ParameterValues of(Parameters parameters) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    parameters.asMap().forEach((name, array) -> shapes.put(name, array.getShape()));
    return new ParameterValues() {
      @Override
      public Map<String, Shape> shapes() {
        return shapes;
      }

      @Override
      public TensorBytes bytes(String name) {
        return TensorBytes.of(parameters.get(name));
      }
    };
  }

  /**
   * The parameters of a training checkpoint; the file must stay open until the export is written.
   */
  static ParameterValues of(TensorSource file) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    file.names().forEach(name -> shapes.put(name, file.shape(name)));
    return new ParameterValues() {
      @Override
      public Map<String, Shape> shapes() {
        return shapes;
      }

      @Override
      public TensorBytes bytes(String name) {
        if (file.info(name).type() != ElementType.F32) {
          throw new CheckpointFormatException(
              Kind.FOREIGN,
              file.path(),
              "contains %s as %s; a training checkpoint's parameters are F32"
                  .formatted(name, file.info(name).type()));
        }
        return file.bytes(name);
      }
    };
  }
}
