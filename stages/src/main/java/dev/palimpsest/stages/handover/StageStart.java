package dev.palimpsest.stages.handover;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@code start.json}: what happened when a stage took its first parameters. It is written before
 * the first step, so that a resumed run still has it.
 *
 * @param notes of import or hand-over
 * @param handOver how the stage took over from another; absent after an import
 * @param preservation whether the image tower still computes the same; absent unless its positions
 *     were resampled
 */
public record StageStart(
    List<String> notes, @Nullable HandOver handOver, @Nullable FunctionPreservation preservation) {
  /** Keeps an unmodifiable copy of the notes. */
  public StageStart {
    notes = List.copyOf(notes);
  }

  /** Writes it together with the stage's fingerprint. */
  public void write(RunFolder folder, String stage, String fingerprint) {
    ObjectNode json = Json.STRICT.createObjectNode();
    json.put("stage", stage);
    json.put("fingerprint", fingerprint);
    json.setAll((ObjectNode) Json.STRICT.valueToTree(this));
    RunFolder.writeSealed(folder.start(stage), json);
  }

  /** Notes of the start, if exactly this stage has begun in the folder. */
  public static List<String> notes(RunFolder folder, String stage, String fingerprint) {
    List<String> notes = new ArrayList<>();
    read(folder, stage, fingerprint)
        .ifPresent(json -> json.path("notes").forEach(note -> notes.add(note.asText())));
    return notes;
  }

  /** The file, if it belongs to exactly this stage and has not been altered. */
  public static Optional<JsonNode> read(RunFolder folder, String stage, String fingerprint) {
    return RunFolder.readJson(folder.start(stage))
        .filter(json -> json.path("fingerprint").asText().equals(fingerprint))
        .filter(RunFolder::isIntact);
  }
}
