package dev.palimpsest.checkpoints.published;

import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether an export holds the parameters of a checkpoint: every byte is made again and compared.
 */
public final class ExportedBytes {
  private ExportedBytes() {}

  /**
   * Tensors that another export of the checkpoint would not have like that, in words. In memory is
   * no more than when exporting.
   *
   * @param export a whole model: safetensors as Hugging Face calls them, or a big_vision npz
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
    List<Tensor> tensors =
        huggingFace
            ? ModelExporter.huggingFaceTensors(checkpoint, model, precision, rows)
            : ModelExporter.bigVisionTensors(checkpoint, model, precision);
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
                        "%s has another value than the checkpoint from element %d on"
                            .formatted(name, element)));
      }
    }
    return differences;
  }
}
