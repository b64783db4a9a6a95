package dev.palimpsest.stages;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * The folder of one run.
 *
 * <pre>
 * recipe.yaml                 the resolved recipe, every default written out
 * environment.json            machine, JVM, libraries, code version
 * data/                       what the recipe's 'prepare' made
 * STAGE/checkpoints/          training checkpoints, one folder each
 * STAGE/metrics.jsonl         one line a logged step
 * STAGE/scores/               MOMENT.SUITE.json: before, at-EXAMPLES, after
 * STAGE/predictions/          MOMENT.SUITE/TASK.jsonl
 * STAGE/export/               huggingface/, big_vision.npz
 * STAGE/stage.json            written last: the stage is finished, and what it was
 * report.md
 * </pre>
 */
public final class RunFolder {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

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

  /** A stage's metrics. */
  public Path metrics(String stage) {
    return stage(stage).resolve("metrics.jsonl");
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
      writeAtomically(file, JSON.writeValueAsString(value) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Writes a text: beside the target, synced, then renamed over it. */
  public static void writeText(Path file, String text) {
    try {
      writeAtomically(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Reads a JSON file that may not be there. */
  public static Optional<JsonNode> readJson(Path file) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readTree(file.toFile()));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private static void writeAtomically(Path file, String text) throws IOException {
    Path temporary = file.resolveSibling("." + file.getFileName() + ".tmp");
    Files.write(temporary, text.getBytes(StandardCharsets.UTF_8));
    try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path createFolders(Path folder) {
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create folder " + folder, e);
    }
  }
}
