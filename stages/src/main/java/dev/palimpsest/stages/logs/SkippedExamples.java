package dev.palimpsest.stages.logs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code skipped.jsonl}: one JSON object per bad example that was replaced by another. On resume,
 * lines after the checkpoint are removed, so that the count, and the moment at which a task's share
 * is exceeded, are those of an uninterrupted run.
 */
public final class SkippedExamples implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SkippedExamples.class);

  /** A share is only judged for at least this many examples. */
  private static final long FEWEST = 1000;

  /** This many of each task are logged; the file has them all. */
  private static final long TOLD = 20;

  private final Path file;
  private final Mixture mixture;
  private final long firstPosition;
  private final Map<String, Long> counts;
  private final FileChannel out;
  private final LogHashes.Running hash;

  /**
   * Opens the file.
   *
   * @param firstPosition mixture position of the stage's first example
   * @param resumedAt mixture position of the next example
   */
  SkippedExamples(Path file, Mixture mixture, long firstPosition, long resumedAt) {
    this.file = file;
    this.mixture = mixture;
    this.firstPosition = firstPosition;
    try {
      counts = cut(file, resumedAt);
      hash = new LogHashes.Running(file);
      out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
  }

  /** Removes lines after a checkpoint and counts the rest by task. */
  static Map<String, Long> cut(Path file, long resumedAt) throws IOException {
    RunFolder.cutLog(file, "position", position -> position < resumedAt);
    return counts(file);
  }

  private static Map<String, Long> counts(Path file) throws IOException {
    Map<String, Long> counts = new TreeMap<>();
    for (String line : RunFolder.lines(file)) {
      counts.merge(Json.STRICT.readTree(line).path("task").asText(), 1L, Long::sum);
    }
    return counts;
  }

  /**
   * Records what a step skipped.
   *
   * @param position mixture position after the step
   * @throws BadExampleException when a task has more than one bad example and more than its share
   *     allows, of those drawn in the stage but at least of 1000
   */
  void add(List<Skipped> skipped, long position) {
    if (skipped.isEmpty()) {
      return;
    }
    try {
      for (Skipped bad : skipped) {
        ObjectNode line = Json.STRICT.createObjectNode();
        line.put("position", bad.position());
        line.put("task", bad.task());
        line.put("row", bad.row());
        line.put("reason", bad.reason());
        String text = line + "\n";
        ByteBuffer rest = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (rest.hasRemaining()) {
          out.write(rest);
        }
        hash.add(text);
        long count = counts.merge(bad.task(), 1L, Long::sum);
        if (count <= TOLD) {
          log.warn("skipped at position {}: {}", bad.position(), bad.reason());
        }
        if (count == TOLD) {
          log.warn("further bad examples of task {} are listed in {} only", bad.task(), file);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the list of skipped examples", e);
    }
    for (String task : skipped.stream().map(Skipped::task).distinct().toList()) {
      int number = mixture.tasks().indexOf(task);
      long drawn =
          mixture.order().count(number, position) - mixture.order().count(number, firstPosition);
      long bad = counts.getOrDefault(task, 0L);
      if (bad > Math.max(1, mixture.badShare(task) * Math.max(FEWEST, drawn))) {
        throw new BadExampleException(
            String.format(
                Locale.ROOT,
                "task %s: %d of the %d examples drawn are bad, more than its badShare of %s; the"
                    + " last: %s",
                task,
                bad,
                drawn,
                mixture.badShare(task),
                skipped.get(skipped.size() - 1).reason()),
            null);
      }
    }
  }

  /** Bad examples of the stage so far. */
  long count() {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  /** The hash of the file as it is now. */
  LogHashes.LogHash hash() {
    return hash.now();
  }

  /** Makes what was added durable; any thread may call this. */
  void sync() {
    try {
      out.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the list of skipped examples", e);
    }
  }

  /** A finished stage's notes about them, a sentence per task. */
  public static List<String> notes(Path file) {
    try {
      List<String> notes = new ArrayList<>();
      counts(file)
          .forEach(
              (task, count) ->
                  notes.add(
                      "skipped %d bad example%s of %s, listed in %s"
                          .formatted(count, count == 1 ? "" : "s", task, file.getFileName())));
      return notes;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close the list of skipped examples", e);
    }
  }
}
