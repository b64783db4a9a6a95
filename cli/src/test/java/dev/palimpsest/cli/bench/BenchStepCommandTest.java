package dev.palimpsest.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.stages.plan.Accelerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchStepCommandTest {
  @TempDir Path folder = Path.of("");

  /** The figures of each command, by precision. */
  private static final Map<String, JsonNode> FIRST = new HashMap<>();

  /** Those of any command of a precision; whichever test comes first runs it. */
  private JsonNode first(String precision) throws IOException {
    if (!FIRST.containsKey(precision)) {
      FIRST.put(precision, step(precision));
    }
    return Objects.requireNonNull(FIRST.get(precision));
  }

  private JsonNode step(String precision) throws IOException {
    Path json = folder.resolve("figures.json");
    Outcome outcome =
        Outcome.of(
            ("bench step --config tiny --steps 2 --threads 1 --pictures --precision "
                    + precision
                    + " --json "
                    + json)
                .split(" "));
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("with decoded pictures: median "), outcome.out());
    return new ObjectMapper().readTree(Files.readString(json));
  }

  @ParameterizedTest
  @CsvSource({"f32", "bf16"})
  void aRepetitionHasTheSameLossesAndNorms(String precision) throws IOException {
    JsonNode once = first(precision);
    JsonNode again = step(precision);
    assertTrue(once.get("trace").asText().matches("[0-9a-f]{64}"), once.toString());
    assertEquals(once.get("trace"), again.get("trace"));
    assertTrue(once.get("picturesPerSecond").asDouble() > 0, once.toString());
    assertTrue(once.get("picturesWaited").asDouble() <= 1, once.toString());
  }

  @Test
  void theLossesAreThoseOfThePrecision() throws IOException {
    assertTrue(!first("f32").get("trace").equals(first("bf16").get("trace")));
  }

  @Test
  void shippedSizesAreTheRealModels() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("../configs/bench"))) {
      List<Path> all = files.sorted().toList();
      assertEquals(5, all.size());
      for (Path file : all) {
        StepSizes bench = BenchStepCommand.bench(file.toString());
        long count =
            new ModelCost(bench.model(), bench.resolution(), Precision.F32).parameterCount();
        boolean whole = file.getFileName().toString().startsWith("paligemma-3b");
        assertEquals(whole ? 2.92e9 : 0.28e9, (double) count, 0.02 * 2.92e9, file.toString());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NVIDIA H100 80GB HBM3, 989.4, 66.9",
    "NVIDIA H100 PCIe,      756,   51.2",
    "NVIDIA A100-SXM4-80GB, 312,   19.5",
    "NVIDIA L4,             121,   30.3",
    "NVIDIA L40S,           362,   91.6",
    "NVIDIA GH200 480GB,    989.4, 66.9",
  })
  void peaksAreThoseOfTheNamedDevice(String name, double bf16, double f32) {
    Accelerator peak = Accelerator.reported(name).orElseThrow();
    assertEquals(bf16, peak.teraflops(Precision.BF16));
    assertEquals(f32, peak.teraflops(Precision.F32));
  }

  @Test
  void otherDevicesHaveNoPeak() {
    assertTrue(Accelerator.reported("NVIDIA L400").isEmpty());
    assertTrue(Accelerator.reported("Tesla T4").isEmpty());
  }
}
