package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.published.WeightMapping.Row;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.model.ParameterSpecs;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tables of foreign names against the blocks that declare the parameters. */
class NamesTablesTest {
  @ParameterizedTest
  @CsvSource({"false, 1", "false, 4", "true, 2", "true, 4"})
  void everyParameterOfEveryBlockHasOneRowAndNoRowIsLeftOver(boolean postNorms, int keyHeads) {
    ModelConfig model =
        new ModelConfig(
            new VisionConfig(16, 2, 32, 2, 14, 1e-6),
            new LanguageConfig(64, 24, 3, 48, 4, keyHeads, 6, 6, 0, 0, postNorms, 0, 1e4, 1e-6));
    Set<String> declared = ParameterSpecs.of(model, 28).keySet();
    Set<Part> all = EnumSet.allOf(Part.class);
    assertCovered(
        declared,
        WeightMapping.huggingFace(
            model, Map.of(Part.VISION, "v", Part.CONNECTOR, "c", Part.LANGUAGE, "l")));
    assertCovered(declared, WeightMapping.bigVision(model, all, false));
    assertCovered(declared, WeightMapping.bigVision(model, all, true));
  }

  private static void assertCovered(Set<String> declared, List<Row> rows) {
    Set<String> ours = new HashSet<>();
    for (Row row : rows) {
      assertTrue(ours.add(row.ours()), row.ours() + " stands there twice");
    }
    assertEquals(declared, ours);
  }
}
