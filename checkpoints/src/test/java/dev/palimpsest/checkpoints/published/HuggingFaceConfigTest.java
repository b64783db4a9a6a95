package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.Golden;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked
class HuggingFaceConfigTest {
  private static final VisionConfig SO400M = new VisionConfig(1152, 27, 4304, 16, 14, 1e-6);
  private static final String VISION =
      """
      "vision_config":{"hidden_size":1152,"intermediate_size":4304,
       "model_type":"siglip_vision_model","num_attention_heads":16,"num_hidden_layers":27,
       "patch_size":14%s}\
      """;

  @TempDir Path folder;

  /** Sizes of the paper's 3B model; the published file leaves out what equals a default. */
  @Test
  void omittedFieldsTakeTheirClassesDefaults() throws IOException {
    HuggingFaceConfig config =
        read(
            """
            {"model_type":"paligemma","image_token_index":257152,
             "text_config":{"hidden_size":2048,"intermediate_size":16384,"model_type":"gemma",
              "num_attention_heads":8,"num_hidden_layers":18,"num_key_value_heads":1,
              "vocab_size":257216},\
            """
                + VISION.formatted("")
                + "}");
    LanguageConfig gemma =
        new LanguageConfig(257152, 2048, 18, 16384, 8, 1, 256, 256, 0, 0, false, 0, 10000, 1e-6);
    assertEquals(new HuggingFaceConfig(new ModelConfig(SO400M, gemma), 224, 257152), config);
  }

  @Test
  void gemma2BringsItsOptions() throws IOException {
    HuggingFaceConfig config =
        read(
            """
            {"model_type":"paligemma","image_token_index":257152,
             "text_config":{"hidden_size":4608,"intermediate_size":36864,"model_type":"gemma2",
              "num_attention_heads":32,"num_hidden_layers":46,"num_key_value_heads":16,
              "head_dim":128,"query_pre_attn_scalar":144,"final_logit_softcapping":null,
              "vocab_size":257216},\
            """
                + VISION.formatted(",\"image_size\":448")
                + "}");
    LanguageConfig gemma =
        new LanguageConfig(
            257152, 4608, 46, 36864, 32, 16, 128, 144, 50, 0, true, 4096, 10000, 1e-6);
    assertEquals(new HuggingFaceConfig(new ModelConfig(SO400M, gemma), 448, 257152), config);
  }

  @Test
  void rowsThatAreNoPaddingStay() {
    assertEquals(
        304,
        HuggingFaceConfig.read(Golden.path("case6/target_config.json"))
            .model()
            .language()
            .vocabulary());
  }

  @Test
  void whatTheModelDoesNotComputeIsListed() {
    var e =
        assertThrows(
            InvalidConfigException.class,
            () ->
                read(
                    """
                    {"model_type":"paligemma",
                     "text_config":{"model_type":"llama","hidden_activation":"relu"},
                     "vision_config":{"hidden_act":"gelu","num_channels":1}}\
                    """));
    assertEquals(4, e.problems().size());
    assertTrue(e.getMessage().contains("must be gemma or gemma2, got llama"), e.getMessage());
  }

  /** Values from transformers 5.24: PaliGemmaConfig() and PaliGemmaConfig(vision_config={}). */
  @Test
  void absentAndPartialSectionsTakeTransformersDefaults() throws IOException {
    VisionConfig absent = read("{\"model_type\":\"paligemma\"}").model().vision();
    assertEquals(new VisionConfig(1152, 27, 4096, 16, 14, 1e-6), absent);
    VisionConfig partial =
        read("{\"model_type\":\"paligemma\",\"vision_config\":{\"patch_size\":[14,14]}}")
            .model()
            .vision();
    assertEquals(new VisionConfig(768, 12, 3072, 12, 14, 1e-6), partial);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0}",
        "\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4.0}",
        "\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}",
        "\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"default\"}}",
        "\"rope_theta\":10000.0,\"rope_parameters\":{\"rope_theta\":50000.0}",
        "\"layer_types\":[\"full_attention\",\"sliding_attention\"]",
        "\"layer_types\":[\"sliding_attention\",\"sliding_attention\"]",
        "\"attention_bias\":true",
        "\"hidden_activation\":\"gelu\"",
        "\"hidden_act\":\"silu\"",
        "\"use_bidirectional_attention\":false",
        "\"quantization_config\":{\"load_in_4bit\":true}",
        "\"num_hidden_layers\":2000000000",
        "\"num_hidden_layers\":\"many\"",
        "\"rms_norm_eps\":NaN",
        "\"num_key_value_heads\":0"
      })
  void whatChangesTheComputationIsRefusedInOneLine(String field) {
    var e = assertThrows(InvalidConfigException.class, () -> gemma2(field));
    assertEquals(1, e.problems().size(), e.getMessage());
    assertTrue(e.getMessage().contains("config.json"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"layer_types\":[\"sliding_attention\",\"full_attention\"]|64",
        "\"layer_types\":[\"full_attention\",\"full_attention\"]|0",
        "\"layer_types\":null|64",
        "\"sliding_window\":null|0",
        "\"rope_scaling\":null,\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":10000.0}|64",
        "\"use_bidirectional_attention\":true,\"hidden_act\":\"gelu\"|64"
      })
  void whatDoesNotChangeItIsRead(String field, int window) throws IOException {
    assertEquals(window, gemma2(field).model().language().slidingWindow());
  }

  private HuggingFaceConfig gemma2(String field) throws IOException {
    String standard = field.contains("sliding_window") ? "" : "\"sliding_window\":64,";
    return read(
        "{\"model_type\":\"paligemma\",\"text_config\":{\"model_type\":\"gemma2\","
            + standard
            + field
            + "}}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "version https://git-lfs.github.com/spec/v1\\noid sha256:aa\\nsize 12\\n|Git LFS pointer",
        "<!DOCTYPE html><html>Not found</html>|HTML page",
        "''|is empty",
        "[1]|not a JSON object",
        "{\"model_type\"|is not JSON"
      })
  void whatIsNoConfigIsNamed(String content, String message) {
    String text = content.replace("\\n", "\n");
    var e = assertThrows(CheckpointFormatException.class, () -> read(text));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void otherModelsAreForeign() {
    var e =
        assertThrows(CheckpointFormatException.class, () -> read("{\"model_type\":\"siglip\"}"));
    assertEquals(CheckpointFormatException.Kind.FOREIGN, e.kind());
  }

  private HuggingFaceConfig read(String json) throws IOException {
    Files.writeString(folder.resolve("config.json"), json);
    return HuggingFaceConfig.read(folder);
  }
}
