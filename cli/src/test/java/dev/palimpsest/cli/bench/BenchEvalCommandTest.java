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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchEvalCommandTest {
  @Test
  void everyFigureIsPrintedAndWritten(@TempDir Path folder) throws IOException {
    Path config = folder.resolve("mini.yaml");
    Files.writeString(
        config,
        """
        model:
          vision: {width: 8, depth: 1, mlpWidth: 16, heads: 2, patchSize: 4, normEpsilon: 1e-6}
          language: {vocabulary: 64, width: 16, depth: 1, mlpWidth: 32, heads: 2, keyValueHeads: 1, headDim: 8,
            queryScalar: 8, attentionSoftcap: 0, finalSoftcap: 0, postNorms: false, slidingWindow: 0,
            ropeTheta: 10000, normEpsilon: 1e-6}
        resolution: 8
        textTokens: 4
        batchSize: 2
        """);
    Path json = folder.resolve("figures.json");
    Outcome outcome =
        Outcome.of(
            "bench",
            "eval",
            "--config",
            config.toString(),
            "--threads",
            "1",
            "--batch",
            "2",
            "--runs",
            "1",
            "--new-tokens",
            "3",
            "--json",
            json.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    JsonNode figures = new ObjectMapper().readTree(json.toFile());
    for (String figure :
        List.of(
            "imagesPerSecond",
            "prefillTokensPerSecond",
            "decodeTokensPerSecond",
            "answersPerSecond",
            "gainOfCache",
            "gainOfBatching",
            "gainOfSharedImageFeatures")) {
      assertTrue(figures.required(figure).asDouble() > 0, figure);
    }
    assertTrue(outcome.out().contains("decode tokens/s"), outcome.out());
  }

  @Test
  void aCountOfZeroIsAMistake() {
    Outcome outcome = Outcome.of("bench", "eval", "--batch", "0");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("--batch must be 1 or more, got 0"), outcome.err());
  }
}
