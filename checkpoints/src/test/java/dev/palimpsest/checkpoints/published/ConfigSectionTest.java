package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.checks.Problem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fields of a config.json, with the defaults that files on the Hub leave out. */
class ConfigSectionTest {
  @TempDir private Path folder;

  private final List<Problem> problems = new ArrayList<>();

  private JsonNode json(String text) throws IOException {
    return ConfigSection.json(Files.writeString(folder.resolve("config.json"), text));
  }

  private ConfigSection section(String text) throws IOException {
    return new ConfigSection(json(text), "vision_config", problems);
  }

  @Test
  void absentFieldsHaveTheirDefaultsAndNullMeansNone() throws IOException {
    ConfigSection section = section("{\"window\": null, \"side\": [14, 14], \"eps\": 1e-6}");
    assertEquals(7, section.integer("width", 7));
    assertEquals(0, section.integer("window", 4096, 0));
    assertEquals(4096, section.integer("other_window", 4096, 0));
    assertEquals(14, section.integer("side", 16), "a side may be a list of two equal numbers");
    assertEquals(1e-6, section.real("eps", 1));
    assertEquals(0, section.real("window", 1));
    section.oneOf("hidden_act", "gelu", List.of("gelu"));
    assertEquals(12, section.depth(12));
    assertEquals(List.of(), problems);
  }

  @Test
  void whatCannotBeReadIsReportedWithItsSectionAndGetsTheDefault() throws IOException {
    ConfigSection section =
        section(
            "{\"width\": 1.5, \"side\": [14, 16], \"eps\": NaN, \"hidden_act\": \"relu\","
                + " \"num_hidden_layers\": 100000}");
    assertEquals(7, section.integer("width", 7));
    assertEquals(16, section.integer("side", 16));
    assertEquals(1, section.real("eps", 1));
    assertEquals(12, section.depth(12));
    section.oneOf("hidden_act", "gelu", List.of("gelu", "gelu_new"));
    assertEquals(
        List.of(
            "vision_config.width: must be a whole number below 2^31, got 1.5",
            "vision_config.side: must be a whole number below 2^31, got [14,16]",
            "vision_config.eps: must be a number, got \"NaN\"",
            "vision_config.num_hidden_layers: must be at most 1000, got 100000",
            "vision_config.hidden_act: must be gelu or gelu_new, got relu"),
        problems.stream().map(Problem::toString).toList());
  }

  @Test
  void whatIsNoJsonObjectIsCorruptAndTooLongIsForeign() throws IOException {
    assertEquals(Kind.CORRUPT, refused("[1]"));
    assertEquals(Kind.CORRUPT, refused("{\"width\": "));
    assertEquals(Kind.FOREIGN, refused("{}" + " ".repeat(16 << 20)));
    assertTrue(json("{}").isObject());
  }

  private Kind refused(String text) {
    return assertThrows(CheckpointFormatException.class, () -> json(text)).kind();
  }
}
