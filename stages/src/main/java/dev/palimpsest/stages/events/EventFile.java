package dev.palimpsest.stages.events;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.files.Json;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A stage's metrics as an event file for TensorBoard. Every number of a line of {@code
 * metrics.jsonl} is a scalar whose tag is its path, as {@code learningRate/vision}; the step is the
 * number of examples of the stage, the clock of everything here.
 *
 * <p>The file says what {@code metrics.jsonl} says, no step twice and none missing: whenever a
 * stage is opened it is written anew from those lines, under the next number, and replaces the
 * former one as a whole. A program that follows the folder is told to forget what it has read.
 */
public final class EventFile implements AutoCloseable {
  private static final String NAME = "events.out.tfevents.";
  private static final Set<String> NO_SCALARS = Set.of("time", "step", "examples");

  private final Path file;
  private final FileChannel out;

  private EventFile(Path file) throws IOException {
    this.file = file;
    this.out = FileChannel.open(file, StandardOpenOption.APPEND);
  }

  /**
   * Opens a stage's event file, with what its metrics say so far.
   *
   * @param folder of the file; created if absent
   * @param metrics lines of JSON; may be absent
   */
  public static EventFile open(Path folder, Path metrics) {
    try {
      Files.createDirectories(folder);
      List<Path> former;
      try (Stream<Path> files = Files.list(folder)) {
        former =
            files
                .filter(file -> String.valueOf(file.getFileName()).startsWith(NAME))
                .sorted()
                .toList();
      }
      Path file = folder.resolve(NAME + "%010d".formatted(next(former)));
      Path unfinished = folder.resolve("unfinished");
      write(unfinished, metrics);
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
      for (Path old : former) {
        Files.delete(old);
      }
      return new EventFile(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write events to " + folder, e);
    }
  }

  private static long next(List<Path> former) {
    return former.stream()
            .map(file -> String.valueOf(file.getFileName()).substring(NAME.length()))
            .filter(number -> number.matches("\\d{1,10}"))
            .mapToLong(Long::parseLong)
            .max()
            .orElse(0)
        + 1;
  }

  private static void write(Path file, Path metrics) throws IOException {
    double now = Instant.now().toEpochMilli() / 1e3;
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      out.write(EventRecord.version(now));
      out.write(EventRecord.start(now));
      if (!Files.exists(metrics)) {
        return;
      }
      try (BufferedReader lines = Files.newBufferedReader(metrics)) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          out.write(record(Json.STRICT.readTree(line)));
        }
      } catch (JsonProcessingException e) {
        throw new IOException(metrics + " has a line that is not a JSON object", e);
      }
    }
  }

  /** Adds a line of metrics. */
  public void add(JsonNode line) {
    try {
      ByteBuffer rest = ByteBuffer.wrap(record(line));
      while (rest.hasRemaining()) {
        out.write(rest);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  private static byte[] record(JsonNode line) {
    Map<String, Double> scalars = new LinkedHashMap<>();
    flatten("", line, scalars);
    double time =
        line.has("time") ? Instant.parse(line.path("time").asText()).toEpochMilli() / 1e3 : 0;
    return EventRecord.scalars(time, line.path("examples").asLong(), scalars);
  }

  private static void flatten(String path, JsonNode node, Map<String, Double> scalars) {
    node.properties()
        .forEach(
            member -> {
              String name = path + member.getKey();
              if (member.getValue().isNumber() && !NO_SCALARS.contains(name)) {
                scalars.put(name, member.getValue().asDouble());
              } else if (member.getValue().isObject()) {
                flatten(name + "/", member.getValue(), scalars);
              }
            });
  }

  /** Makes what was added durable; any thread may call this. */
  public void sync() {
    try {
      out.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file, e);
    }
  }
}
