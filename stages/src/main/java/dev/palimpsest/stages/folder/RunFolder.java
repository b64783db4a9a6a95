package dev.palimpsest.stages.folder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Durable;
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
 * recipe.yaml                 the resolved recipe, every default written out
 * plan.txt                    what the run is about to do, stage by stage
 * environment.json            machine, JVM, libraries, code version
 * data/                       what the recipe's 'prepare' made
 * dedup.json                  what of the suites stands in the training data, where that is asked
 * duplicates.tsv              which examples those are; a list for the recipe's 'exclude'
 * STAGE/start.json            what happened when the stage took its first parameters
 * STAGE/checkpoints/          training checkpoints, one folder each
 * STAGE/capsules/             states before steps that the guard found fault with
 * STAGE/metrics.jsonl         one line a logged step
 * STAGE/examples.jsonl        ids of the examples of each step, in order
 * STAGE/skipped.jsonl         one line a bad example that another took the place of
 * STAGE/scores/               MOMENT.SUITE.json: before, at-EXAMPLES, after
 * STAGE/predictions/          MOMENT.SUITE/TASK.jsonl
 * STAGE/export/               huggingface/, big_vision.npz
 * STAGE/stage.json            written last: the stage is finished, and what it was
 * report.md
 * run.lock                    held while a process works here; says which
 * </pre>
 */
public final class RunFolder {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private static final String SEAL = "sha256";

  private final Path root;

  /** A run's folder, created when absent. */
  public RunFolder(Path root) {
    this.root = root.toAbsolutePath().normalize();
    createFolders(this.root);
  }

  /** The folder itself. */
  public Path root() {
    return root;
  }

  /** A stage's folder, created when absent. */
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

  /** The ordered list of the examples that a stage has consumed. */
  public Path examples(String stage) {
    return stage(stage).resolve("examples.jsonl");
  }

  /** A stage's skipped examples. */
  public Path skipped(String stage) {
    return stage(stage).resolve("skipped.jsonl");
  }

  /** Folder of a stage's scores, created when absent. */
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

  /** Folder of a stage's exports. */
  public Path export(String stage) {
    return createFolders(stage(stage).resolve("export"));
  }

  /** Marks a stage finished. */
  public Path finished(String stage) {
    return stage(stage).resolve("stage.json");
  }

  /** Writes a value as JSON: beside the target, synced, then renamed over it. */
  public static void writeJson(Path file, Object value) {
    try {
      writeText(file, JSON.writeValueAsString(value) + "\n");
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Writes a text: beside the target, synced, then renamed over it. */
  public static void writeText(Path file, String text) {
    Durable.file(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads a JSON object that may not be there.
   *
   * @throws InvalidConfigException when the file holds none
   */
  public static Optional<JsonNode> readJson(Path file) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = JSON.readTree(file.toFile());
      if (json.isObject()) {
        return Optional.of(json);
      }
    } catch (JsonProcessingException e) {
      throw damaged(file, e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    throw damaged(file, "it holds no JSON object");
  }

  /**
   * Writes an object together with the SHA-256 of its content, so that {@link #isIntact} can tell
   * whether it is still what was written.
   */
  public static void writeSealed(Path file, ObjectNode json) {
    try {
      // Through text: a number in memory may print otherwise than the same one read.
      ObjectNode content = (ObjectNode) JSON.readTree(JSON.writeValueAsString(json));
      writeJson(file, content.put(SEAL, seal(content)));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Whether an object is as {@link #writeSealed} wrote it; true of older ones, without a seal. */
  public static boolean isIntact(JsonNode json) {
    return !json.has(SEAL) || json.path(SEAL).asText().equals(seal(json));
  }

  private static String seal(JsonNode json) {
    ObjectNode content = json.deepCopy();
    content.remove(SEAL);
    return ContentHash.of(content.toString());
  }

  /** Lines of a log; none where it is not there. The last may be torn, even within a letter. */
  public static List<String> lines(Path file) throws IOException {
    return Files.exists(file)
        ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList()
        : List.of();
  }

  /**
   * Removes the lines of a log that lie beyond a checkpoint, and those that a crash has torn.
   *
   * @param file of JSON objects, a line each; it may not be there
   * @param field which number says where a line stands
   * @param kept whether lines that stand there stay
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

  /** Missing where the line is torn. */
  private static JsonNode number(String line, String field) {
    try {
      return JSON.readTree(line).path(field);
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance();
    }
  }

  /** A file that is not what was written, and what to do. */
  public static InvalidConfigException damaged(Path file, String why) {
    return new InvalidConfigException(
        List.of(
            new Problem(
                file.toString(),
                "is damaged (%s); remove it and run the same command: its contents are found or made again"
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
