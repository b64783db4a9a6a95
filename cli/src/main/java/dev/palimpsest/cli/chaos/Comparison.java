package dev.palimpsest.cli.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Compares two run folders, file by file and bit by bit. Ignored is what records when, where and
 * how fast something was done: the run folder's path in texts, times in JSON, the notes about
 * resuming, and therefore the hash that a manifest has of its own text.
 *
 * @param files compared
 * @param bytes compared
 * @param bitsDiffering in them
 * @param differences what differs, one sentence each
 */
record Comparison(int files, long bytes, long bitsDiffering, List<String> differences) {
  /** Files about the process, not about its results. */
  private static final Set<String> ASIDE =
      Set.of(
          "report.md", "report.html", "environment.json", "run.log", "end.json", "goodput.jsonl");

  private static final Set<String> TIMES =
      Set.of(
          "time",
          "seconds",
          "examplesPerSecond",
          "tokensPerSecond",
          "waitShare",
          "arrayBytes",
          "mfu",
          "memoryBytes",
          "heapBytes",
          "gpuMemoryBytes",
          "diskReadBytes",
          "diskWrittenBytes",
          "checkpointsSaved",
          "checkpointStallSeconds",
          "checkpointWriteSeconds");

  private static final String RESUMED = "resumed from its checkpoint";

  /** Compares two finished runs. */
  static Comparison of(Path whole, Path other) {
    Set<String> names = new TreeSet<>(files(whole));
    names.addAll(files(other));
    long bytes = 0;
    long bits = 0;
    List<String> differences = new ArrayList<>();
    for (String name : names) {
      Path a = whole.resolve(name);
      Path b = other.resolve(name);
      if (!Files.exists(a) || !Files.exists(b)) {
        differences.add(name + ": only in " + (Files.exists(a) ? whole : other));
        bits += 8 * Math.max(1, size(Files.exists(a) ? a : b));
        continue;
      }
      byte[] left = content(a, whole);
      byte[] right = content(b, other);
      bytes += left.length;
      long differing = bitsDiffering(left, right);
      if (differing > 0) {
        differences.add("%s: %d bits differ".formatted(name, differing));
        bits += differing;
      }
    }
    return new Comparison(names.size(), bytes, bits, differences);
  }

  private static Set<String> files(Path root) {
    try (Stream<Path> walk = Files.walk(root)) {
      return walk.filter(Files::isRegularFile)
          .map(file -> root.relativize(file).toString())
          .filter(
              name ->
                  !ASIDE.contains(name)
                      && !name.endsWith(".lock")
                      && !name.contains("/tensorboard/") // metrics.jsonl again, with its times
                      && !name.startsWith("processes/"))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] content(Path file, Path root) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      String name = String.valueOf(file.getFileName());
      if (!name.matches(".*\\.(json|jsonl|yaml|txt)")) {
        return bytes;
      }
      String text = withoutPlace(new String(bytes, StandardCharsets.UTF_8), root.toString());
      if (name.endsWith(".yaml") || name.endsWith(".txt")) {
        return text.getBytes(StandardCharsets.UTF_8);
      }
      StringBuilder kept = new StringBuilder();
      for (String document : name.endsWith(".jsonl") ? text.split("\n") : new String[] {text}) {
        JsonNode node = Json.STRICT.readTree(document);
        strip(node);
        kept.append(node).append('\n');
      }
      return kept.toString().getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Replaces the path as it is, in JSON's quotes, and in YAML's, which double single quotes. */
  private static String withoutPlace(String text, String root) throws IOException {
    String json = Json.STRICT.writeValueAsString(root);
    return text.replace(json.substring(1, json.length() - 1), "${run}")
        .replace(root.replace("'", "''"), "${run}")
        .replace(root, "${run}");
  }

  /**
   * Removes times, and hashes over files that contain them; those files are compared themselves.
   */
  private static void strip(JsonNode node) {
    if (node instanceof ObjectNode object) {
      object.remove(TIMES);
      object.remove("sha256");
    }
    if (node instanceof ArrayNode array) {
      for (Iterator<JsonNode> i = array.iterator(); i.hasNext(); ) {
        if (i.next().asText().startsWith(RESUMED)) {
          i.remove();
        }
      }
    }
    node.forEach(Comparison::strip);
  }

  private static long bitsDiffering(byte[] a, byte[] b) {
    long bits = 8L * Math.abs(a.length - b.length);
    for (int i = 0; i < Math.min(a.length, b.length); i++) {
      bits += Integer.bitCount((a[i] ^ b[i]) & 0xFF);
    }
    return bits;
  }
}
