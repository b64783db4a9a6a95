package dev.palimpsest.stages.lineage;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Everything that affects a stage's numbers. Equal identities give equal checkpoints, so a finished
 * stage with this identity is reused.
 *
 * @param seed the run's seed
 * @param threads compute threads, between which sums are split
 * @param model sizes
 * @param tokenizer SHA-256 of the tokenizer file
 * @param mixture fingerprint of the stage's data; empty when it does not train
 * @param parent what it starts from: the parent stage's fingerprint, a checkpoint's and its
 *     examples, or the content hash of published files
 * @param stage the stage's settings
 */
public record StageIdentity(
    long seed,
    int threads,
    ModelConfig model,
    String tokenizer,
    String mixture,
    String parent,
    StageConfig stage) {
  /**
   * Settings that affect no number of the training: when it is saved, scored, exported and logged,
   * where arrays are kept, and the locations of files whose contents {@code parent} covers. A run
   * folder can therefore be moved, and a finished stage can be scored or exported in another way.
   */
  private static final List<String> UNDECIDING =
      List.of(
          "stage.checkpoint.",
          "stage.evaluate.",
          "stage.export.",
          "stage.guard.capsules",
          "stage.storage.",
          "stage.logEveryExamples",
          "stage.expectedLoss",
          "stage.init.checkpoint",
          "stage.init.pretrained.vision",
          "stage.init.pretrained.language",
          "stage.init.pretrained.model");

  /** Single values by path, as stored in files. */
  public Map<String, String> values() {
    Map<String, String> values = new LinkedHashMap<>(Fingerprint.values(this));
    values.keySet().removeIf(path -> UNDECIDING.stream().anyMatch(path::startsWith));
    return values;
  }

  /** Whether prompts named their tasks, by values as stored in files. */
  public static boolean taskPrefix(Map<String, String> values) {
    return !"false".equals(values.get("stage.taskPrefix"));
  }

  /** SHA-256 of the values. */
  public String fingerprint() {
    return Fingerprint.of(values());
  }
}
