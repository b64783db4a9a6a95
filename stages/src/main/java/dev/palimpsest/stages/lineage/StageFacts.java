package dev.palimpsest.stages.lineage;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.CheckpointManifest;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.files.Json;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint of a stage records besides its arrays: enough to predict with it and to know
 * where it comes from. The facts of the checkpoint's manifest have the names of the components
 * here, with their version as {@code factsVersion}:
 *
 * <ul>
 *   <li>version 1, which does not state a version: {@code lineage}, its {@code moves}, {@code
 *       data}, {@code environment}, {@code textTokens} (512 then) and {@code orientation} ({@code
 *       stored}) may be missing
 *   <li>version 2: nothing is missing
 * </ul>
 *
 * @param recipe name of the recipe
 * @param recipeYaml the resolved recipe, its run folder as a variable
 * @param stage name of the stage
 * @param fingerprint of the stage
 * @param identity the values behind the fingerprint, by path
 * @param data what the stage trains on
 * @param lineage what came before; absent only in version 1
 * @param environment machine, libraries and code that wrote the checkpoint
 * @param model sizes, with the stage's soft-caps
 * @param resolution side of the square input, in pixels
 * @param textTokens text positions that the stage trains with
 * @param image how the stage prepares pictures
 * @param orientation the orientation in which it sees them
 * @param tokenizer path of the tokenizer's file, absolute or relative to the checkpoint's folder
 * @param examples examples seen in the stage
 * @param order name under which the stage's data order is drawn
 */
public record StageFacts(
    String recipe,
    String recipeYaml,
    String stage,
    String fingerprint,
    Map<String, String> identity,
    TrainingData data,
    @Nullable Ancestry lineage,
    Map<String, Object> environment,
    ModelConfig model,
    int resolution,
    int textTokens,
    ImageConfig image,
    @JsonFormat(with = JsonFormat.Feature.ACCEPT_CASE_INSENSITIVE_VALUES)
        TrainedOrientation orientation,
    String tokenizer,
    long examples,
    String order) {
  private static final String VERSION_NAME = "factsVersion";

  /** The version written; earlier ones are read. */
  private static final int VERSION = 2;

  private static final int TEXT_TOKENS_OF_VERSION_1 = 512;

  private static final List<String> NAMES =
      Arrays.stream(StageFacts.class.getRecordComponents()).map(RecordComponent::getName).toList();

  /** Keeps maps in their order, so that equal runs write equal files. */
  public StageFacts {
    identity = Collections.unmodifiableMap(new LinkedHashMap<>(identity));
    environment = Collections.unmodifiableMap(new LinkedHashMap<>(environment));
  }

  /** The orientation in which a stage saw pictures in training. */
  public enum TrainedOrientation {
    /** Pixels as they are stored. */
    STORED,
    /** Pixels turned as the EXIF orientation says. */
    EXIF,
    /** Some tasks used one, some the other. */
    MIXED
  }

  /**
   * What came before a checkpoint.
   *
   * @param parents ids of what the stage started from
   * @param ancestors all that came before, parents after their parents
   * @param accepted changes of settings or data that were accepted within the stage
   * @param moves as {@link Lineage#moves}
   */
  public record Ancestry(
      List<String> parents,
      List<Lineage.Ancestor> ancestors,
      List<Lineage.Acceptance> accepted,
      List<String> moves) {
    /** Keeps unmodifiable copies. */
    public Ancestry {
      parents = List.copyOf(parents);
      ancestors = List.copyOf(ancestors);
      accepted = List.copyOf(accepted);
      moves = List.copyOf(moves);
    }
  }

  /** Changes that were accepted within the stage. */
  public List<Lineage.Acceptance> accepted() {
    return lineage == null ? List.of() : lineage.accepted();
  }

  /** As {@link Lineage#moves}. */
  public List<String> moves() {
    return lineage == null ? List.of() : lineage.moves();
  }

  /** The same facts after a number of examples. */
  public StageFacts at(long seen) {
    return new StageFacts(
        recipe,
        recipeYaml,
        stage,
        fingerprint,
        identity,
        data,
        lineage,
        environment,
        model,
        resolution,
        textTokens,
        image,
        orientation,
        tokenizer,
        seen,
        order);
  }

  /** The facts as stored in a manifest, with their version. */
  public Map<String, Object> toMap() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put(VERSION_NAME, VERSION);
    facts.put("recipe", recipe);
    facts.put("recipeYaml", recipeYaml);
    facts.put("stage", stage);
    facts.put("fingerprint", fingerprint);
    facts.put("identity", identity);
    facts.put("data", data);
    if (lineage != null) {
      facts.put("lineage", lineage);
    }
    facts.put("environment", environment);
    facts.put("model", model);
    facts.put("resolution", resolution);
    facts.put("textTokens", textTokens);
    facts.put("image", image);
    facts.put("orientation", ConfigYaml.word(orientation));
    facts.put("tokenizer", tokenizer);
    facts.put("examples", examples);
    facts.put("order", order);
    return facts;
  }

  /** As {@link #of(Path, CheckpointManifest)}. */
  public static StageFacts of(TrainingCheckpoint checkpoint) {
    return of(checkpoint.folder(), checkpoint.manifest());
  }

  /**
   * Reads the facts of a checkpoint.
   *
   * @param folder of the checkpoint, for messages
   * @throws CheckpointFormatException when a later version wrote them, one is missing, or one is
   *     not what it should be
   */
  public static StageFacts of(Path folder, CheckpointManifest manifest) {
    ObjectNode facts = Json.STRICT.valueToTree(manifest.facts());
    int version = facts.path(VERSION_NAME).asInt(1);
    if (version > VERSION) {
      throw new CheckpointFormatException(
          Kind.TOO_NEW,
          folder,
          "has facts of version %d, this program reads up to %d; update it"
              .formatted(version, VERSION));
    }
    if (version == 1) {
      complete(facts);
    }
    for (String name : NAMES) {
      if (!facts.hasNonNull(name) && !(version == 1 && name.equals("lineage"))) {
        throw missing(folder, name);
      }
    }
    try {
      return Json.STRICT.treeToValue(facts.retain(NAMES), StageFacts.class);
    } catch (JsonProcessingException e) {
      throw new CheckpointFormatException(
          Kind.CORRUPT,
          folder,
          "has facts in its manifest that cannot be read: " + e.getOriginalMessage(),
          e);
    }
  }

  /** The error for a checkpoint without a fact that every checkpoint of a stage has. */
  public static CheckpointFormatException missing(Path folder, String name) {
    return new CheckpointFormatException(
        Kind.FOREIGN, folder, "is not a checkpoint of a stage: its manifest has no '" + name + "'");
  }

  /** Adds facts that version 1 may lack. */
  private static void complete(ObjectNode facts) {
    facts.set("data", Json.STRICT.valueToTree(TrainingData.of(facts.path("data"))));
    facts.putIfAbsent("environment", Json.STRICT.createObjectNode());
    facts.putIfAbsent(
        "textTokens", Json.STRICT.getNodeFactory().numberNode(TEXT_TOKENS_OF_VERSION_1));
    facts.putIfAbsent("orientation", Json.STRICT.getNodeFactory().textNode("stored"));
    if (facts.get("lineage") instanceof ObjectNode lineage) {
      lineage.putIfAbsent("moves", Json.STRICT.createArrayNode());
    }
  }
}
