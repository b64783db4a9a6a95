package dev.palimpsest.stages.events;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Reads event files by the formats' descriptions, and checks every sum. */
public final class EventReader {
  /** An event; its version is empty and its scalars are none where it has none. */
  public record Event(
      double wallTime, long step, String version, boolean starts, Map<String, Float> scalars) {}

  private EventReader() {}

  /** The only event file of a folder. */
  public static Path only(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all.toString());
      return all.get(0);
    }
  }

  /** All events of a file, which must be whole. */
  public static List<Event> read(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Event> events = new ArrayList<>();
    while (in.hasRemaining()) {
      int at = in.position();
      int length = Math.toIntExact(in.getLong());
      assertEquals(EventRecord.maskedCrc(in.array(), at, 8), in.getInt(), "the length's sum");
      events.add(event(in.slice().limit(length).slice().order(ByteOrder.LITTLE_ENDIAN)));
      in.position(at + 12 + length);
      assertEquals(EventRecord.maskedCrc(in.array(), at + 12, length), in.getInt(), "the sum");
    }
    return events;
  }

  private static Event event(ByteBuffer in) {
    double time = 0;
    long step = 0;
    String version = "";
    boolean starts = false;
    Map<String, Float> scalars = new LinkedHashMap<>();
    while (in.hasRemaining()) {
      int tag = (int) varint(in);
      switch (tag) {
        case (1 << 3) | 1 -> time = in.getDouble();
        case 2 << 3 -> step = varint(in);
        case (3 << 3) | 2 -> version = new String(bytes(in), StandardCharsets.UTF_8);
        case (5 << 3) | 2 -> summary(bytes(in), scalars);
        case (7 << 3) | 2 -> starts = bytes(in).length == 2;
        default -> throw new AssertionError("field " + tag);
      }
    }
    return new Event(time, step, version, starts, scalars);
  }

  private static void summary(byte[] message, Map<String, Float> scalars) {
    ByteBuffer in = ByteBuffer.wrap(message);
    while (in.hasRemaining()) {
      assertEquals((1 << 3) | 2, varint(in));
      ByteBuffer value = ByteBuffer.wrap(bytes(in)).order(ByteOrder.LITTLE_ENDIAN);
      assertEquals((1 << 3) | 2, varint(value));
      String name = new String(bytes(value), StandardCharsets.UTF_8);
      assertEquals((2 << 3) | 5, varint(value));
      scalars.put(name, value.getFloat());
    }
  }

  private static byte[] bytes(ByteBuffer in) {
    byte[] bytes = new byte[(int) varint(in)];
    in.get(bytes);
    return bytes;
  }

  private static long varint(ByteBuffer in) {
    long number = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = in.get();
      number |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return number;
      }
    }
  }
}
