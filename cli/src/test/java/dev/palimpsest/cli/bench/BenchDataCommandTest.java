package dev.palimpsest.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.files.Json;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchDataCommandTest {
  @Test
  void everyResolutionHasItsFiguresForOneThreadAndTwo(@TempDir Path folder) throws IOException {
    BufferedImage picture = new BufferedImage(30, 20, BufferedImage.TYPE_3BYTE_BGR);
    ImageIO.write(picture, "jpeg", folder.resolve("a.jpg").toFile());
    Path figures = folder.resolve("figures.json");
    Outcome outcome =
        Outcome.of(
            "bench",
            "data",
            "--images",
            folder.toString(),
            "--resolutions",
            "14,28",
            "--seconds",
            "0.03",
            "--python",
            "/no/such/python",
            "--json",
            figures.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("no peer: "), outcome.out());
    List<List<String>> rows =
        outcome
            .out()
            .lines()
            .map(line -> List.of(line.strip().split("\\s+")))
            .filter(row -> row.get(0).equals("14") || row.get(0).equals("28"))
            .toList();
    assertEquals(
        List.of("14 1", "14 2", "28 1", "28 2"),
        rows.stream().map(row -> row.get(0) + " " + row.get(1)).toList());
    for (List<String> row : rows) {
      assertTrue(Double.parseDouble(row.get(2)) > 0, outcome.out());
    }
    JsonNode lines = Json.STRICT.readTree(figures.toFile()).get("lines");
    assertEquals(4, lines.size());
    assertEquals(28, lines.get(3).get("resolution").asInt());
    assertEquals(2, lines.get(3).get("threads").asInt());
    assertTrue(lines.get(3).get("jdk").asDouble() > 0, lines.toString());
    assertTrue(!lines.get(3).has("pillow"), lines.toString());
  }

  @Test
  void mistakesAreTold(@TempDir Path folder) {
    Outcome none = Outcome.of("bench", "data", "--images", folder.toString());
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("no file in " + folder), none.err());
    assertEquals(2, Outcome.of("bench", "data", "--seconds", "0").exit());
  }
}
