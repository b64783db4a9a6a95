package dev.palimpsest.checkpoints.published;

import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Architecture;
import java.util.ArrayList;
import java.util.List;

/**
 * Checks that an export contains the parameters of a checkpoint: every byte is computed again and
 * compared.
 */
public final class ExportedBytes {
  private ExportedBytes() {}

  /**
   * Differences from a new export of the checkpoint, in words. It needs no more memory than
   * exporting.
   *
   * @param export a whole model: safetensors with Hugging Face's names, or a big_vision npz
   * @param rows rows of a Hugging Face embedding, those of padding among them
   */
  public static List<String> differences(
      TensorSource export,
      ParameterValues checkpoint,
      ModelConfig model,
      Precision precision,
      boolean huggingFace,
      int rows) {
    List<String> differences = new ArrayList<>();
    Architecture towers = Architecture.of(model);
    List<Tensor> tensors =
        huggingFace
            ? ModelExporter.huggingFaceTensors(checkpoint, towers, precision, rows)
            : ModelExporter.bigVisionTensors(checkpoint, towers, precision);
    for (Tensor tensor : tensors) {
      String name = tensor.info().name();
      if (!export.contains(name)) {
        differences.add(name + " is missing");
      } else if (!export.info(name).equals(tensor.info())) {
        differences.add(
            "%s is %s %s, expected %s %s"
                .formatted(
                    name,
                    export.info(name).type(),
                    export.shape(name),
                    tensor.info().type(),
                    tensor.info().shape()));
      } else {
        tensor
            .firstDifference(export.bytes(name))
            .ifPresent(
                element ->
                    differences.add(
                        "%s differs from the checkpoint from element %d on"
                            .formatted(name, element)));
      }
    }
    return differences;
  }
}
