package dev.palimpsest.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCheckpointCommandTest {
  @Test
  void everyOperationHasItsFiguresAndNothingIsLeft(@TempDir Path folder) throws IOException {
    Path json = folder.resolve("figures.json");
    Path disk = folder.resolve("disk");
    Outcome outcome =
        Outcome.of(
            ("bench checkpoint --config tiny --folder " + disk + " --json " + json).split(" "));
    assertEquals(0, outcome.exit(), outcome.err());
    JsonNode figures = new ObjectMapper().readTree(json.toFile()).path("operations");
    for (String operation :
        List.of(
            "import",
            "verify",
            "read",
            "write",
            "export hf f32",
            "export npz f32",
            "export hf bf16",
            "export npz bf16")) {
      assertTrue(outcome.out().contains("\n" + operation + " "), outcome.out());
      JsonNode line = figures.path(operation);
      assertTrue(line.path("shareOfCopy").asDouble() > 0, operation + line);
      assertTrue(line.path("heapBytes").asLong() > 0, operation + line);
      assertTrue(
          line.path("privateBytes").asLong() > 0 || !Files.exists(Path.of("/proc/self")),
          operation + line);
    }
    long f32 = figures.path("import").path("bytes").asLong();
    assertEquals(f32, figures.path("verify").path("bytes").asLong());
    long bf16 = figures.path("export npz bf16").path("bytes").asLong();
    assertEquals(0.5, (double) bf16 / f32, 0.05, "headers apart");
    try (Stream<Path> left = Files.list(disk)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void mistakesAreTold() {
    assertEquals(2, Outcome.of("bench", "checkpoint", "--runs", "0").exit());
  }
}
