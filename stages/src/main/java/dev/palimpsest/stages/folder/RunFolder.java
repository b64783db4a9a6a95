package dev.palimpsest.stages.folder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.files.FolderSize;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongPredicate;

/**
 * The folder of one run.
 *
 * <pre>
 * recipe.yaml the resolved recipe, with every default written out
 * plan.txt                    what the run is about to do, stage by stage
 * environment.json            machine, JVM, libraries, code version
 * data/                       what the recipe's 'prepare' made
 * dedup.json what of the suites occurs in the training data, if the recipe asks
 * duplicates.tsv which examples these are; a list for the recipe's 'exclude'
 * STAGE/start.json            what happened when the stage took its first parameters
 * STAGE/checkpoints/          training checkpoints, one folder each
 * STAGE/capsules/ states before steps that the guard objected to
 * STAGE/metrics.jsonl one line for each logged step
 * STAGE/examples.jsonl        ids of the examples of each step, in order
 * STAGE/skipped.jsonl one line for each bad example that was replaced
 * STAGE/scores/               MOMENT.SUITE.json: before, at-EXAMPLES, after
 * STAGE/predictions/          MOMENT.SUITE/TASK.jsonl
 * STAGE/export/               huggingface/, big_vision.npz
 * STAGE/stage.json            written last: the stage is finished, and what it was
 * goodput.jsonl               what the time of the run's processes was spent on
 * processes/rank-N.json       what each process of the last start is doing, or how it ended
 * report.md
 * end.json                    how the last process ended; none if it was killed
 * run.log                     what was logged, by all processes that have worked on the run
 * run.lock held while a process works here; names the process
 * </pre>
 */
public final class RunFolder {
  private static final String SEAL = "sha256";

  private final Path root;

  /** Opens a run's folder, which is created if absent. */
  public RunFolder(Path root) {
    this.root = root.toAbsolutePath().normalize();
    createFolders(this.root);
  }

  /** The folder itself. */
  public Path root() {
    return root;
  }

  /**
   * Takes the folder for this process.
   *
   * @throws RunFolderInUseException when another process, or another run of this one, holds it
   */
  public FolderLock lock() {
    Path file = root.resolve("run.lock");
    return FolderLock.take(file)
        .orElseThrow(
            () ->
                new RunFolderInUseException(
                    "%s is in use by %s; wait until it ends, or take another --out"
                        .formatted(root, FolderLock.holder(file))));
  }

  /** What the time of the run's processes was spent on. */
  public Path goodput() {
    return root.resolve("goodput.jsonl");
  }

  /** What a process of the run is doing, or how it ended; the folder is created if absent. */
  public Path process(int rank) {
    return createFolders(root.resolve("processes")).resolve("rank-%05d.json".formatted(rank));
  }

  /** What was logged. */
  public Path log() {
    return root.resolve("run.log");
  }

  /** A stage's folder, created if absent. */
  public Path stage(String name) {
    return createFolders(root.resolve(name));
  }

  /** A stage's checkpoints. */
  public Path checkpoints(String stage) {
    return stage(stage).resolve("checkpoints");
  }

  /** How a stage began. */
  public Path start(String stage) {
    return stage(stage).resolve("start.json");
  }

  /** A stage's metrics. */
  public Path metrics(String stage) {
    return stage(stage).resolve("metrics.jsonl");
  }

  /** Folder of a stage's event file for TensorBoard. */
  public Path events(String stage) {
    return stage(stage).resolve("tensorboard");
  }

  /** The ordered list of the examples that a stage has consumed. */
  public Path examples(String stage) {
    return stage(stage).resolve("examples.jsonl");
  }

  /** A stage's skipped examples. */
  public Path skipped(String stage) {
    return stage(stage).resolve("skipped.jsonl");
  }

  /** Folder of a stage's scores, created if absent. */
  public Path scores(String stage) {
    return createFolders(stage(stage).resolve("scores"));
  }

  /** Scores of a suite at a moment of a stage. */
  public Path scores(String stage, String moment, String suite) {
    return scores(stage).resolve(moment + "." + suite + ".json");
  }

  /** Folder for the predictions behind those scores. */
  public Path predictions(String stage, String moment, String suite) {
    return stage(stage).resolve("predictions").resolve(moment + "." + suite);
  }

  /** Folder of a stage's exports, created if absent. */
  public Path export(String stage) {
    return createFolders(stage(stage).resolve("export"));
  }

  /** Bytes of a stage's checkpoints and exports so far; this creates no folder. */
  public long savedBytes(String stage) {
    Path folder = root.resolve(stage);
    return FolderSize.bytes(folder.resolve("checkpoints"))
        + FolderSize.bytes(folder.resolve("export"));
  }

  /** Whether a stage has been finished here; this creates no folder either. */
  public boolean isFinished(String stage) {
    return Files.exists(root.resolve(stage).resolve("stage.json"));
  }

  /** Marks a stage finished. */
  public Path finished(String stage) {
    return stage(stage).resolve("stage.json");
  }

  /** Writes a value as JSON to a temporary file, which is synced and then renamed to the target. */
  public static void writeJson(Path file, Object value) {
    writeText(file, Json.indented(value));
  }

  /** Writes a text to a temporary file, which is synced and then renamed to the target. */
  public static void writeText(Path file, String text) {
    Durable.file(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads a JSON object from a file that may be absent.
   *
   * @throws InvalidConfigException when the file does not contain one
   */
  public static Optional<JsonNode> readJson(Path file) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = Json.STRICT.readTree(file.toFile());
      if (json.isObject()) {
        return Optional.of(json);
      }
    } catch (JsonProcessingException e) {
      throw damaged(file, e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    throw damaged(file, "it does not contain a JSON object");
  }

  /**
   * Writes an object together with the SHA-256 of its content, so that {@link #isIntact} can tell
   * whether it is still what was written.
   */
  public static void writeSealed(Path file, ObjectNode json) {
    try {
      // Through text: a number in memory may be printed differently after it was read back.
      ObjectNode content = (ObjectNode) Json.STRICT.readTree(Json.indented(json));
      writeJson(file, content.put(SEAL, seal(content)));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Whether an object is as {@link #writeSealed} wrote it; true for older ones without a seal. */
  public static boolean isIntact(JsonNode json) {
    return !json.has(SEAL) || json.path(SEAL).asText().equals(seal(json));
  }

  private static String seal(JsonNode json) {
    ObjectNode content = json.deepCopy();
    content.remove(SEAL);
    return ContentHash.of(content.toString());
  }

  /**
   * Lines of a log; empty if it is absent. The last one may be truncated, even inside a character.
   */
  public static List<String> lines(Path file) throws IOException {
    return Files.exists(file)
        ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList()
        : List.of();
  }

  /**
   * Removes the lines of a log that lie beyond a checkpoint, and those that a crash has truncated.
   *
   * @param file of JSON objects, one per line; it may be absent
   * @param field the number that gives a line's position
   * @param kept whether lines at a position are kept
   */
  public static void cutLog(Path file, String field, LongPredicate kept) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    StringBuilder text = new StringBuilder();
    keptLines(file, field, kept).forEach(line -> text.append(line).append('\n'));
    writeText(file, text.toString());
  }

  /** The lines that {@link #cutLog} keeps. */
  public static List<String> keptLines(Path file, String field, LongPredicate kept)
      throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line : lines(file)) {
      JsonNode number = number(line, field);
      if (number.isNumber() && kept.test(number.asLong())) {
        lines.add(line);
      }
    }
    return lines;
  }

  /** The number in a line; missing if the line is truncated. */
  private static JsonNode number(String line, String field) {
    try {
      return Json.STRICT.readTree(line).path(field);
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance();
    }
  }

  /** Reports a file that is not as it was written, and says what to do. */
  public static InvalidConfigException damaged(Path file, String why) {
    return new InvalidConfigException(
        List.of(
            new Problem(
                file.toString(),
                "is damaged (%s); remove it and run the same command: its contents are then found or created again"
                    .formatted(why))));
  }

  private static Path createFolders(Path folder) {
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create folder " + folder, e);
    }
  }
}
