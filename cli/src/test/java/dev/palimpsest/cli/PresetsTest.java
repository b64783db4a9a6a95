package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.binding.Presets;
import dev.palimpsest.model.ParameterSpecs;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PresetsTest {
  /**
   * The published checkpoints' parameter counts: what the Hub shows for each, less the 64 unused
   * embedding rows that Hugging Face appends.
   */
  @ParameterizedTest
  @CsvSource({
    "gemma-2b,   224,  2923335408",
    "gemma-2b,   448,  2924220144",
    "gemma-2b,   896,  2927759088",
    "gemma2-2b,  224,  3032094960",
    "gemma2-2b,  448,  3032979696",
    "gemma2-2b,  896,  3036518640",
    "gemma2-9b,  224,  9662409456",
    "gemma2-9b,  448,  9663294192",
    "gemma2-9b,  896,  9666833136",
    "gemma2-27b, 224, 27650192112",
    "gemma2-27b, 448, 27651076848",
    "gemma2-27b, 896, 27654615792",
  })
  void publishedModelsHaveTheirParameterCounts(String language, int resolution, long count) {
    ModelConfig model =
        new ModelConfig(Presets.vision("siglip-so400m/14"), Presets.language(language));
    assertEquals(
        count,
        ParameterSpecs.of(model, resolution).values().stream().mapToLong(s -> s.size()).sum());
  }
}
