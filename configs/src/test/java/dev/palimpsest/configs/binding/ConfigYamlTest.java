package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.TokenizerConfig;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigYamlTest {
  @Test
  void everyDefaultIsWrittenOut() {
    assertEquals(
        """
        name: stage1
        init: {stage: stage0}
        examples: 0
        resolution: 224
        textTokens: 128
        batchSize: 1
        packTo: 0
        precision: f32
        mixture: {}
        temperature: 0
        image:
          resize: bilinear
          antialias: true
          truncate: true
          passes: rows_first
          jpeg: accurate
          augment: {resize: false, jpeg: 0, cropArea: 1}
        storage: {parameters: memory, gradients: memory, moments: memory, memoryGiB: 2}
        handOver:
          optimizer: keep
          schedule: continue
          data: fresh
          positionEmbedding: resample
          reset: []
        labelSmoothing: 0
        dropout: 0
        lossFrom: suffix
        taskPrefix: true
        logEveryExamples: 0
        checkpoint: {everyExamples: 0, keepLast: 2, keepEveryExamples: 0}
        expectedLoss: []
        guard: {nonFinite: stop, spike: ignore, window: 64, deviations: 8, maxSkips: 16, capsules: 3}
        evaluate: {suites: [], before: true, after: true, everyExamples: 0, batchSize: 32, gates: []}
        export: {formats: [huggingface], precision: f32}
        """,
        ConfigYaml.write(
            bind(
                StageConfig.class,
                "{name: stage1, init: {stage: stage0}, resolution: 224, textTokens: 128}")));
  }

  @Test
  void whereLinesBreakDoesNotDependOnWhereTheRunLies() {
    Init shortPaths = pretrained("/a");
    Init longPaths =
        pretrained("/a-rather-long-folder/of-a-shared-file-system/under-which-it-lies");
    assertEquals(
        ConfigYaml.write((Record) shortPaths).replace("/a/", "/x/"),
        ConfigYaml.write((Record) longPaths)
            .replace("/a-rather-long-folder/of-a-shared-file-system/under-which-it-lies/", "/x/"));
  }

  private static Init pretrained(String folder) {
    return new Init.FromPretrained(
        folder + "/siglip.npz", folder + "/gemma", null, Init.ConnectorInit.ZERO);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "no",
        "null",
        "~",
        "12",
        "0123",
        "1e9",
        "1_000",
        "1:30",
        ".inf",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "\\",
        "a'b",
        "{a}",
        "[a]",
        "a, b",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "a\nb",
        "\ta",
        "a\u0000b",
        "\u0085",
        "\ufeff",
        "é",
        "日本",
        "\ud83d\ude00",
        "${run}",
        "$${run}",
        "a ",
        "?",
        "2026-01-01",
        "=",
        "<<",
        "../a-b_c.d+e",
        "-5"
      })
  void everyStringComesBack(String text) {
    TokenizerConfig config = new TokenizerConfig(text);
    String written = ConfigYaml.write(config);
    assertEquals(config, bind(TokenizerConfig.class, written), written);
  }

  @Test
  void everyDoubleComesBack() {
    Random random = new Random(1);
    List<Double> values = new ArrayList<>(List.of(0.0, 1e-5, 3e-7, 1e7, 1e21, Double.MIN_VALUE));
    for (int i = 0; i < 2000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      if (Double.isFinite(value)) {
        values.add(Math.abs(value));
      }
      values.add(random.nextDouble());
    }
    for (double value : values) {
      BenchmarkConfig.Published config = // which takes every number
          new BenchmarkConfig.Published("row", "paligemma", null, null, Map.of("224", value));
      String written = ConfigYaml.write(config);
      assertEquals(config, bind(BenchmarkConfig.Published.class, written), written);
    }
  }

  @Test
  void longValuesAreBrokenIntoLines() {
    String images = "a/very/long/folder/name".repeat(5);
    TaskConfig task = new TaskConfig(new SourceConfig.JsonLines("data/a.jsonl", images));
    assertEquals(
        "source:\n  jsonl:\n    path: data/a.jsonl\n    images: "
            + images
            + "\n    pictures: []\ntype: {prefixSuffix: {}}\nfields: {}\nframes: 1\nbadShare: 0\n",
        ConfigYaml.write(task));
    assertEquals(task, bind(TaskConfig.class, ConfigYaml.write(task)));
  }

  private static <T> T bind(Class<T> type, String text) {
    List<Problem> problems = new ArrayList<>();
    Node node = YamlReader.file(text, "written.yaml", problems);
    assertEquals(List.of(), problems, text);
    return Binder.bindAlone(type, Objects.requireNonNull(node));
  }
}
