package dev.palimpsest.stages.logs;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.StageFacts;
import dev.palimpsest.stages.state.Consumed;
import dev.palimpsest.stages.state.StateFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.LongPredicate;

/**
 * The state of a stage's logs when a checkpoint was saved. It is part of the checkpoint, so that a
 * resumed run notices logs that were altered since. {@code examples.jsonl} has its own chain,
 * {@link Consumed}.
 *
 * @param metrics of {@code metrics.jsonl}
 * @param skipped of {@code skipped.jsonl}
 */
public record LogHashes(LogHash metrics, LogHash skipped) {
  /** Their key in a checkpoint's manifest. */
  private static final String FACT = "logs";

  /**
   * A log's lines up to a checkpoint.
   *
   * @param lines their number
   * @param sha256 of these lines
   */
  record LogHash(long lines, String sha256) {}

  /** Hashes a log while it is written. */
  static final class Running {
    private final MessageDigest digest = ContentHash.sha256();
    private long lines;

    /** Starts with the contents of the file. */
    Running(Path file) throws IOException {
      RunFolder.lines(file).forEach(line -> add(line + "\n"));
    }

    Running() {}

    /** Adds a line, with the line feed at its end. */
    void add(String line) {
      digest.update(line.getBytes(StandardCharsets.UTF_8));
      lines++;
    }

    /** Up to now. */
    LogHash now() {
      try {
        MessageDigest copy = (MessageDigest) digest.clone();
        return new LogHash(lines, HexFormat.of().formatHex(copy.digest()));
      } catch (CloneNotSupportedException e) {
        throw new IllegalStateException("the JDK's SHA-256 can be cloned", e);
      }
    }
  }

  /** The form in which a checkpoint's manifest contains them. */
  public Map<String, Object> facts() {
    return Map.of(FACT, this);
  }

  /** The hashes of a stage's current logs. */
  public static LogHashes of(RunFolder folder, String stage) {
    try {
      return new LogHashes(
          new Running(folder.metrics(stage)).now(), new Running(folder.skipped(stage)).now());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the logs of " + stage, e);
    }
  }

  /**
   * Sentences about what was altered in a stage's folder since one of its checkpoints was saved.
   */
  public static List<String> altered(
      RunFolder folder, String stage, TrainingCheckpoint checkpoint) {
    List<String> altered = new ArrayList<>();
    long examples = StageFacts.of(checkpoint).examples();
    long position = StateFiles.dataStart(checkpoint) + examples;
    try {
      if (ExampleLog.isAltered(folder.examples(stage), StateFiles.consumed(checkpoint))) {
        altered.add(sentence(folder.examples(stage), examples));
      }
      if (checkpoint.facts().get(FACT) instanceof Map<?, ?> recorded) {
        JsonNode logs = Json.STRICT.valueToTree(recorded);
        Path metrics = folder.metrics(stage);
        if (isAltered(metrics, "examples", n -> n <= examples, logs.path("metrics"))) {
          altered.add(sentence(metrics, examples));
        }
        Path skipped = folder.skipped(stage);
        if (isAltered(skipped, "position", n -> n < position, logs.path("skipped"))) {
          altered.add(sentence(skipped, examples));
        }
      }
      RunFolder.readJson(folder.start(stage))
          .filter(json -> !RunFolder.isIntact(json))
          .ifPresent(
              json -> altered.add("start.json was altered since it was written and is ignored"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the logs of " + stage, e);
    }
    return altered;
  }

  private static boolean isAltered(Path file, String field, LongPredicate kept, JsonNode recorded)
      throws IOException {
    Running now = new Running();
    RunFolder.keptLines(file, field, kept).forEach(line -> now.add(line + "\n"));
    return !now.now()
        .equals(new LogHash(recorded.path("lines").asLong(), recorded.path("sha256").asText()));
  }

  private static String sentence(Path file, long examples) {
    return "%s was altered or has lost lines since the checkpoint at %d examples was saved"
        .formatted(file.getFileName(), examples);
  }
}
