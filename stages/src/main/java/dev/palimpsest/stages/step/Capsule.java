package dev.palimpsest.stages.step;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.Json;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Facts in a replay capsule about the step that starts from it. A capsule is a training checkpoint
 * of the state before that step, with these facts beside the usual ones; mixture positions
 * determine the batch and, with the seed, the dropout masks.
 *
 * @param found what the guard found
 * @param action what it did
 * @param lossBits of the step's float64 loss, in hexadecimal
 * @param normBits of the step's float64 gradient norm, in hexadecimal
 * @param parts micro batches
 */
public record Capsule(
    String found, String action, String lossBits, String normBits, List<Part> parts) {
  /** The key of these facts in a manifest. */
  private static final String FACT = "capsule";

  /**
   * A micro batch.
   *
   * @param firstPosition mixture position where it begins, which determines its dropout masks
   * @param ids of its examples
   * @param lossBits of the examples' float32 losses, in hexadecimal
   */
  public record Part(long firstPosition, List<String> ids, List<String> lossBits) {}

  /** The form in which a capsule's manifest contains them. */
  public static Map<String, Object> facts(Guard.Finding found, TrainStep.Attempt attempt) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("found", found.what());
    facts.put("action", found.action().word());
    facts.put("loss", Double.toString(attempt.loss()));
    facts.put("lossBits", bits(attempt.loss()));
    facts.put("gradientNorm", Double.toString(attempt.gradientNorm()));
    facts.put("gradientNormBits", bits(attempt.gradientNorm()));
    List<Object> parts = new ArrayList<>();
    for (TrainStep.Part part : attempt.parts()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("firstPosition", part.index());
      one.put("ids", part.ids());
      one.put("lossBits", bits(part.losses()));
      parts.add(one);
    }
    facts.put("microBatches", parts);
    return Map.of(FACT, facts);
  }

  /**
   * Reads a capsule.
   *
   * @throws InvalidConfigException when the checkpoint is not a capsule
   */
  public static Capsule of(TrainingCheckpoint checkpoint) {
    JsonNode facts = Json.STRICT.valueToTree(checkpoint.facts().get(FACT));
    if (facts == null || !facts.path("microBatches").isArray()) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  checkpoint.folder().toString(),
                  "is not a replay capsule; expected a folder RUN/STAGE/capsules/examples-...")));
    }
    List<Part> parts = new ArrayList<>();
    for (JsonNode part : facts.path("microBatches")) {
      List<String> ids = new ArrayList<>();
      part.path("ids").forEach(id -> ids.add(id.asText()));
      List<String> bits = new ArrayList<>();
      part.path("lossBits").forEach(b -> bits.add(b.asText()));
      parts.add(new Part(part.path("firstPosition").asLong(), ids, bits));
    }
    return new Capsule(
        facts.path("found").asText(),
        facts.path("action").asText(),
        facts.path("lossBits").asText(),
        facts.path("gradientNormBits").asText(),
        parts);
  }

  public static String bits(double value) {
    return HexFormat.of().toHexDigits(Double.doubleToLongBits(value));
  }

  public static List<String> bits(float[] values) {
    List<String> bits = new ArrayList<>();
    for (float value : values) {
      bits.add(HexFormat.of().toHexDigits(Float.floatToIntBits(value)));
    }
    return bits;
  }
}
