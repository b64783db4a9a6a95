package dev.palimpsest.stages.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.stages.state.Consumed;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logs whose last line a crash or a full disk has torn, or that have lost more than that. */
class TornLogsTest {
  @TempDir private Path folder;

  @Test
  void aListOfExamplesThatLostItsEndGoesOnWithWholeLines() throws IOException {
    Path file = folder.resolve("examples.jsonl");
    Consumed at = Consumed.NOTHING;
    try (ExampleLog log = new ExampleLog(file, at, 0)) {
      for (int i = 1; i <= 8; i++) {
        at = log.add(at, 4L * i, List.of("a:" + i, "\u00e9:" + i));
      }
    }
    byte[] whole = Files.readAllBytes(file);
    // Whole: nothing is lost, and what lies behind is cut.
    add(file, at, 32, 36);
    add(file, at, 32, 36);
    assertEquals(List.of(4L, 8L, 12L, 16L, 20L, 24L, 28L, 32L, 36L), examples(file));
    // Torn in the fifth line, in the middle of a letter; then gone on with, killed, gone on with.
    String text = new String(whole, StandardCharsets.UTF_8);
    int letter =
        text.substring(0, text.indexOf("\u00e9:5")).getBytes(StandardCharsets.UTF_8).length;
    Files.write(file, Arrays.copyOf(whole, letter + 1));
    add(file, at, 32, 36, 40, 44, 48, 52);
    add(file, at, 32, 36);
    assertEquals(List.of(4L, 8L, 12L, 16L, 36L), examples(file));
    Files.delete(file);
    add(file, at, 32, 36);
    assertEquals(List.of(36L), examples(file));
  }

  private static void add(Path file, Consumed from, long resumedAt, long... examples) {
    Consumed at = from;
    try (ExampleLog log = new ExampleLog(file, from, resumedAt)) {
      for (long n : examples) {
        at = log.add(at, n, List.of("b"));
      }
    }
  }

  private static List<Long> examples(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      return lines.map(line -> Long.parseLong(line.replaceAll("\\D*(\\d+).*", "$1"))).toList();
    }
  }

  @Test
  void metricsTornWithinALetterAreReadToThere() throws IOException {
    Path file =
        torn("{\"examples\":4,\"loss\":1}\n{\"examples\":8,\"guard\":{\"capsule\":\"/runs/\u00e9");
    new MetricsLog(file, file.resolveSibling("tensorboard"), 8).close();
    assertEquals("{\"examples\":4,\"loss\":1}\n", Files.readString(file));
  }

  @Test
  void skippedExamplesTornWithinALetterAreReadToThere() throws IOException {
    Path file =
        torn(
            "{\"position\":1,\"task\":\"ocr\"}\n{\"position\":2,\"task\":\"ocr\",\"row\":\"\u00e9");
    assertEquals(Map.of("ocr", 1L), SkippedExamples.cut(file, 9));
    assertEquals("{\"position\":1,\"task\":\"ocr\"}\n", Files.readString(file));
  }

  /** Without the last byte of the last letter. */
  private Path torn(String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return Files.write(folder.resolve("log.jsonl"), Arrays.copyOf(bytes, bytes.length - 1));
  }
}
