package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.RanksConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.TokenizerConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class FingerprintTest {
  private static final String STAGE =
      """
      name: stage1
      init: {stage: stage0}
      examples: 1024
      resolution: 224
      textTokens: 128
      batchSize: 8
      mixture: {caption: 1, ocr: 2}
      optimizer: {learningRate: 1e-5, schedule: {cosine: {}}}
      export: {formats: [huggingface, big_vision]}
      """;

  private static StageConfig stage(String text) {
    Node node = YamlReader.file(text, "stage.yaml", new ArrayList<>());
    return Binder.bindAlone(StageConfig.class, Objects.requireNonNull(node));
  }

  @Test
  void messagesLeaveOutWhatHasItsDefaultValue() {
    assertEquals(
        "{name: stage1, init: {stage: stage0}, examples: 1024, resolution: 224, textTokens: 128,"
            + " batchSize: 8, mixture: {caption: 1, ocr: 2}, optimizer: {learningRate: 1e-5,"
            + " schedule: {cosine: {}}}, export: {formats: [big_vision, huggingface]}}",
        Fingerprint.brief(stage(STAGE)));
    assertEquals(
        "{jsonl: a.jsonl}", Fingerprint.brief(new SourceConfig.JsonLines("a.jsonl", null)));
  }

  @Test
  void theSpellingOfAConfigurationDoesNotMatter() {
    String otherwise =
        """
        export: {formats: [big_vision, huggingface], precision: f32}
        mixture: {ocr: 2.0, caption: 1}
        optimizer:
          schedule: {cosine: {cooldownExamples: 0}}
          groups: {}
          learningRate: 0.00001
        batchSize: 8
        textTokens: 128
        handOver: {data: fresh}
        resolution: 224
        dropout: 0.0
        examples: 1_024
        init: {stage: {stage: 'stage0'}}
        name: "stage1"
        """;
    assertEquals(Fingerprint.of(stage(STAGE)), Fingerprint.of(stage(otherwise)));
    assertEquals(List.of(), Fingerprint.diff(stage(STAGE), stage(otherwise)));
  }

  @Test
  void anyChangedValueChangesIt() {
    String before = Fingerprint.of(stage(STAGE));
    assertNotEquals(before, Fingerprint.of(stage(STAGE.replace("ocr: 2", "ocr: 3"))));
    assertNotEquals(before, Fingerprint.of(stage(STAGE.replace("cosine", "linear"))));
    assertNotEquals(before, Fingerprint.of(stage(STAGE + "dropout: 0.1\n")));
    assertNotEquals(before, Fingerprint.of(stage(STAGE + "finalSoftcap: 0\n")));
  }

  @Test
  void recordsOfDifferentKindsDiffer() {
    assertNotEquals(
        Fingerprint.of(new ScheduleConfig.Cosine(0, 0)),
        Fingerprint.of(new ScheduleConfig.Constant(0, 0)));
    assertNotEquals(
        Fingerprint.of(new TaskConfig(new SourceConfig.JsonLines("a", null))),
        Fingerprint.of(new SourceConfig.JsonLines("a", null)));
  }

  /** SHA-256 of {@code TokenizerConfig{path: a}}, computed with sha256sum. */
  @Test
  void itIsTheSha256OfTheCanonicalForm() {
    assertEquals(
        "44a0db816b1d1144fec0b1095c5676625afafb917c4fd91663da4dd0f1485d11",
        Fingerprint.of(new TokenizerConfig("a")));
  }

  @Test
  void aDifferenceHasThePathAndBothValues() {
    StageConfig after =
        stage(
            STAGE
                .replace("learningRate: 1e-5", "learningRate: 2e-5")
                .replace("cosine: {}", "rsqrt: {warmupExamples: 8, timescaleExamples: 9}")
                .replace("ocr: 2", "detect: 2"));
    assertEquals(
        List.of(
            "mixture.ocr: 2 -> (absent)",
            "optimizer.learningRate: 1e-5 -> 2e-5",
            "optimizer.schedule.cosine.warmupExamples: 0 -> (absent)",
            "optimizer.schedule.cosine.cooldownExamples: 0 -> (absent)",
            "mixture.detect: (absent) -> 2",
            "optimizer.schedule.rsqrt.warmupExamples: (absent) -> 8",
            "optimizer.schedule.rsqrt.timescaleExamples: (absent) -> 9",
            "optimizer.schedule.rsqrt.shiftExamples: (absent) -> 0",
            "optimizer.schedule.rsqrt.cooldownExamples: (absent) -> 0"),
        Fingerprint.diff(stage(STAGE), after).stream().map(Object::toString).toList());
  }

  @Test
  void stagesAreComparedByName() {
    PipelineConfig one = recipe(stage(STAGE));
    PipelineConfig two =
        recipe(
            stage(STAGE.replace("name: stage1", "name: new")),
            stage(STAGE.replace("resolution: 224", "resolution: 448")));
    List<String> changes = Fingerprint.diff(one, two).stream().map(Object::toString).toList();
    assertEquals("stages.stage1.resolution: 224 -> 448", changes.get(0));
    assertTrue(
        changes.stream().skip(1).allMatch(change -> change.startsWith("stages.new.")),
        changes.toString());
  }

  private static PipelineConfig recipe(StageConfig... stages) {
    return new PipelineConfig(
        "r",
        "",
        0,
        null,
        null,
        new TokenizerConfig("t"),
        new ModelConfig(Presets.vision("siglip-tiny/14"), Presets.language("gemma-tiny")),
        java.util.Map.of(),
        java.util.Map.of(),
        null,
        null,
        new RanksConfig(
            RanksConfig.Sharding.NONE,
            0,
            RanksConfig.ReductionOrder.FASTEST,
            RanksConfig.Overlap.AUTO,
            1800),
        null,
        null,
        List.of(stages));
  }
}
