package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** A complete small model: weights in several forms, forward and backward pass, updates, text. */
final class ModelCase implements CaseKind {
  private static final String INPUTS = "inputs.safetensors";
  private static final String OUTPUTS = "outputs.safetensors";
  private static final String EXPECTED = "expected.json";

  @Override
  public String description() {
    return "model (config.json, model.safetensors, "
        + INPUTS
        + ", "
        + OUTPUTS
        + ", "
        + EXPECTED
        + ")";
  }

  @Override
  public boolean recognises(Path folder) {
    return Stream.of("config.json", "model.safetensors", INPUTS, OUTPUTS, EXPECTED)
        .allMatch(file -> Files.isRegularFile(folder.resolve(file)));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report)
      throws IOException {
    Path config = folder.resolve("config.json");
    HuggingFaceConfig sizes = HuggingFaceConfig.read(config);
    try (TemporaryFolder checkpoint =
            TemporaryFolder.checkpoint(config, folder.resolve("model.safetensors"));
        Parameters parameters = WeightChecks.read(manager, checkpoint.path(), sizes);
        TensorSource inputs = TensorSource.open(folder.resolve(INPUTS));
        TensorSource outputs = TensorSource.open(folder.resolve(OUTPUTS))) {
      Subject subject =
          new Subject(
                  folder,
                  sizes,
                  parameters,
                  inputs,
                  Reference.json(folder.resolve(EXPECTED)),
                  kernels,
                  manager)
              .withItsKindOfWindow(outputs);
      WeightChecks.run(subject, report);
      ForwardChecks.run(subject, outputs, report);
      WeightChecks.roundedForward(subject, report);
      GradientChecks.run(subject, report);
      TrainingChecks.run(subject, report);
      DecodingChecks.run(subject, outputs, report);
    }
  }
}
