package dev.palimpsest.stages.events;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.files.Json;
import dev.palimpsest.stages.events.EventReader.Event;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  private static String line(long examples, double loss) {
    return """
        {"time": "2026-03-01T12:00:00.500Z", "step": %d, "examples": %d, "loss": %s, "learningRate": {"vision": 0.001, ".*": 0.002}, "guard": {"found": "a spike"}, "tasks": {"ocr": {"n": 3, "meanLoss": 2.5}}}"""
        .formatted(examples / 8, examples, loss);
  }

  @Test
  void everyNumberOfALineIsAScalar(@TempDir Path folder) throws IOException {
    Path metrics = folder.resolve("metrics.jsonl");
    try (EventFile file = EventFile.open(folder.resolve("events"), metrics)) {
      file.add(Json.STRICT.readTree(line(300_000_000_000L, 1.25)));
    }
    List<Event> events = EventReader.read(EventReader.only(folder.resolve("events")));
    assertEquals("brain.Event:2", events.get(0).version());
    assertTrue(events.get(1).starts());
    Event step = events.get(2);
    assertEquals(3, events.size());
    assertEquals(300_000_000_000L, step.step());
    assertEquals(1_772_366_400.5, step.wallTime());
    assertEquals(
        "{loss=1.25, learningRate/vision=0.001, learningRate/.*=0.002, tasks/ocr/n=3.0,"
            + " tasks/ocr/meanLoss=2.5}",
        step.scalars().toString());
  }

  @Test
  void openedAgainItSaysWhatTheMetricsSay(@TempDir Path folder) throws IOException {
    Path metrics = folder.resolve("metrics.jsonl");
    Path events = folder.resolve("events");
    try (EventFile file = EventFile.open(events, metrics)) {
      for (long examples = 8; examples <= 40; examples += 8) {
        file.add(Json.STRICT.readTree(line(examples, 3)));
      }
    }
    Path first = EventReader.only(events);
    // A kill in the middle of a record, and metrics cut back to a checkpoint.
    byte[] whole = Files.readAllBytes(first);
    Files.write(first, Arrays.copyOf(whole, whole.length - 7));
    Files.writeString(metrics, line(8, 3) + "\n" + line(16, 3) + "\n");
    try (EventFile file = EventFile.open(events, metrics)) {
      file.add(Json.STRICT.readTree(line(24, 2)));
    }
    Path second = EventReader.only(events);
    assertFalse(second.equals(first), "a reader that follows the folder notices it");
    assertTrue(second.toString().compareTo(first.toString()) > 0);
    List<Event> read = EventReader.read(second);
    assertEquals(List.of(8L, 16L, 24L), read.stream().skip(2).map(Event::step).toList());
    assertEquals(2f, read.get(4).scalars().get("loss"));
  }

  /** RFC 3720, B.4: 32 bytes of zero have the CRC32C 8a9136aa; masked by TensorFlow's formula. */
  @Test
  void sumsAreMasked() {
    int crc = 0x8a9136aa;
    assertEquals(
        ((crc >>> 15) | (crc << 17)) + 0xa282ead8, EventRecord.maskedCrc(new byte[32], 0, 32));
  }

  /** What tensorboard 2.21.0 writes for the same events, byte for byte. */
  @Test
  void recordsAreThoseOfOthers() {
    assertEquals(
        "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
        HexFormat.of().formatHex(EventRecord.version(1.5)));
    assertEquals(
        "0d000000000000003c37b83409000000000000f83f3a020801b718825c",
        HexFormat.of().formatHex(EventRecord.start(1.5)));
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("loss", 1.5);
    scalars.put("a/b", -2.0);
    assertEquals(
        "2700000000000000bbe1b14609000000000000024010ac022a190a0b0a046c6f7373150000c03f"
            + "0a0a0a03612f6215000000c0748e23f5",
        HexFormat.of().formatHex(EventRecord.scalars(2.25, 300, scalars)));
  }
}
