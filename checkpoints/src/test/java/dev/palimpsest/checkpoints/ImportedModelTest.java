package dev.palimpsest.checkpoints;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.configs.Init.ConnectorInit;
import dev.palimpsest.configs.Init.FromPretrained;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ModelInput;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The model computes from imported towers what the reference computes from them. The reference is
 * float64 arithmetic; 1e-4 of the largest element is what float32 needs on these sizes.
 */
@NullUnmarked
class ImportedModelTest {
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @CsvSource({
    "siglip.npz, 28, false, pixel_values, logits_zero_projector, vision_features",
    "siglip_scan.npz, 28, true, pixel_values, logits_given_projector, vision_features",
    "siglip_hf, 56, true, pixel_values_56px, logits_given_projector_56px, vision_features_56px"
  })
  void outputsAreTheReferences(
      String vision,
      int resolution,
      boolean withProjector,
      String pixels,
      String logits,
      String features) {
    ModelConfig model = HuggingFaceConfig.read(Golden.path("case6/target_config.json")).model();
    Parameters parameters =
        PretrainedImporter.read(
                manager,
                new FromPretrained(
                    Golden.path("case6/" + vision).toString(),
                    Golden.path("case6/gemma_hf").toString(),
                    null,
                    ConnectorInit.ZERO),
                model,
                resolution,
                1)
            .parameters();
    try (SafetensorsFile in = SafetensorsFile.open(Golden.path("case6/inputs.safetensors"));
        SafetensorsFile out = SafetensorsFile.open(Golden.path("case6/outputs.safetensors"));
        SafetensorsFile projector =
            SafetensorsFile.open(Golden.path("case6/projector.safetensors"));
        Kernels kernels = Kernels.load()) {
      if (withProjector) {
        String name = "multi_modal_projector.linear.";
        set(parameters.get("connector/kernel"), projector.floats(name + "weight"));
        set(parameters.get("connector/bias"), projector.floats(name + "bias"));
      }
      NDArray images = in.toArray(manager, pixels).transpose(0, 2, 3, 1).expandDims(1);
      Map<String, float[]> traced = new HashMap<>();
      NDArray actual =
          Models.of(model, Precision.F32, kernels)
              .logits(
                  manager,
                  Weights.of(parameters),
                  new ModelInput(
                      images,
                      in.toArray(manager, "model_text"),
                      in.toArray(manager, "model_mask_ar")),
                  (name, value) -> {
                    if (name.equals("vision.last_hidden_state")) {
                      traced.put(name, value.toFloatArray());
                    }
                  });
      close(out.floats(features), traced.get("vision.last_hidden_state"));
      close(out.floats(logits), actual.get("..., :240").toFloatArray());
    }
  }

  private static void set(NDArray array, float[] values) {
    array.set(FloatBuffer.wrap(values));
  }

  private static void close(float[] expected, float[] actual) {
    float max = 0;
    for (float x : expected) {
      max = Math.max(max, Math.abs(x));
    }
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 1e-4f * max, "element " + i);
    }
  }
}
