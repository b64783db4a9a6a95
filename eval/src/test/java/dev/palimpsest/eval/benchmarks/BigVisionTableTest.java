package dev.palimpsest.eval.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.SamplerConfig;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.registry.Metrics;
import dev.palimpsest.mixtures.formats.Csv;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every benchmark against big_vision's released configurations at 0127fb6: evaluator, its
 * arguments, prompt, lengths, beam, resize, frames. {@code big_vision.csv} holds what is read
 * there, with file (below configs/proj/paligemma/transfers) and lines; {@code
 * big_vision_deviations.csv} holds where a benchmark differs, and why.
 */
class BigVisionTableTest {
  private static final Path FOLDER = Path.of("src/test/resources/benchmarks");
  private static final List<Map<String, String>> TABLE = read("big_vision.csv");
  private static final List<Map<String, String>> DEVIATIONS = read("big_vision_deviations.csv");

  /** How big_vision calls a field that is called otherwise here. */
  private static final Map<String, String> FIELDS =
      Map.of(
          "question_text", "question",
          "sentence", "question",
          "objects/refs/sentence", "question",
          "lang", "language",
          "ansstr", "choices",
          "indexed_choices", "letteredChoices");

  private static List<Map<String, String>> read(String name) {
    try {
      return Csv.read(FOLDER.resolve(name), "benchmark");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stream<Map<String, String>> rows() {
    return TABLE.stream();
  }

  private static String cell(Map<String, String> row, String column) {
    return row.getOrDefault(column, "");
  }

  @Test
  void everyBenchmarkStandsInTheTableOrHasAReason() {
    Set<String> known = new TreeSet<>();
    TABLE.forEach(row -> known.add(cell(row, "benchmark")));
    DEVIATIONS.stream()
        .filter(row -> cell(row, "column").equals("all"))
        .forEach(row -> assertTrue(known.add(cell(row, "benchmark")), row::toString));
    assertEquals(new TreeSet<>(Benchmarks.index().benchmarks()), known);
    for (Map<String, String> row : DEVIATIONS) {
      assertFalse(cell(row, "reason").isBlank(), row::toString);
      assertTrue(Benchmarks.index().benchmarks().contains(cell(row, "benchmark")), row::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void aBenchmarkIsWhatTheReleasedConfigurationSays(Map<String, String> row) {
    BenchmarkConfig benchmark = Benchmarks.find(cell(row, "benchmark"));
    Map<String, String> here = new LinkedHashMap<>();
    here.put("metric", benchmark.metrics().get(0));
    here.put("prompt", benchmark.prompt());
    here.put("textLength", Integer.toString(benchmark.textTokens()));
    here.put("decodeLength", Integer.toString(benchmark.decode().maxNewTokens()));
    here.put(
        "beam",
        benchmark.decode().sampler() instanceof SamplerConfig.Beam beam
            ? Integer.toString(beam.size())
            : "");
    here.put("antialias", Boolean.toString(benchmark.image().antialias()));
    here.put("frames", benchmark.frames() == 0 ? "" : Integer.toString(benchmark.frames()));
    here.put("stride", benchmark.frames() == 0 ? "" : Integer.toString(benchmark.frameStride()));

    Map<String, String> differing = new TreeMap<>();
    here.forEach(
        (column, value) -> {
          if (!value.equals(expected(row, column))) {
            differing.put(column, value);
          }
        });
    Map<String, String> listed = new TreeMap<>();
    for (Map<String, String> deviation : DEVIATIONS) {
      if (cell(deviation, "benchmark").equals(benchmark.name())
          && here.containsKey(cell(deviation, "column"))) {
        listed.put(cell(deviation, "column"), cell(deviation, "here"));
      }
    }
    assertEquals(listed, differing);
    // What big_vision scores by is scored here at least besides.
    assertTrue(benchmark.metrics().contains(cell(row, "metric")), benchmark.metrics()::toString);
    // Whole levels of pictures, fractions of frames.
    assertEquals(benchmark.frames() == 0, benchmark.image().truncate());
  }

  private static String expected(Map<String, String> row, String column) {
    String value = cell(row, column);
    if (column.equals("prompt")) {
      for (Map.Entry<String, String> field : FIELDS.entrySet()) {
        value = value.replace("{" + field.getKey() + "}", "{" + field.getValue() + "}");
      }
      value = value.replace("\\n", "\n");
    }
    return value;
  }

  static Stream<Map<String, String>> equalityRows() {
    return rows().filter(row -> Set.of("vqa", "chartqa", "rsvqa").contains(cell(row, "evaluator")));
  }

  @ParameterizedTest
  @MethodSource("equalityRows")
  void aMetricLowersCaseWhereTheEvaluatorIsToldTo(Map<String, String> row) {
    Map<String, JsonNode> fields =
        Map.of("language", TextNode.valueOf("de"), "question_type", TextNode.valueOf("comp"));
    MetricRecord other = new MetricRecord("0", "red kettle", List.of("Red Kettle"), fields);
    double score = Metrics.find(cell(row, "metric")).score(List.of(other)).value();
    boolean similar = cell(row, "metric").startsWith("anls:");
    boolean lowered = cell(row, "arguments").equals("to_lower=True");
    assertEquals(lowered ? 1 : similar ? score : 0, score);
    assertTrue(!similar || lowered, "every released use of ANLS lowers case");
  }

  @ParameterizedTest
  @MethodSource("rows")
  void aRowSaysWhereItIsRead(Map<String, String> row) {
    assertTrue(cell(row, "file").matches("[a-z0-9_]+\\.py"), row::toString);
    assertTrue(cell(row, "lines").matches("\\d+( \\d+){3,}"), row::toString);
    assertTrue(cell(row, "arguments").matches("(to_lower=(True|False))?"), row::toString);
  }
}
