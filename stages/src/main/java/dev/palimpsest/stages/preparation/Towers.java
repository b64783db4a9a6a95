package dev.palimpsest.stages.preparation;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.checkpoints.published.ParameterValues;
import dev.palimpsest.checkpoints.published.TowerExporter;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes randomly initialised towers in published formats, so that a rehearsal includes stage 0:
 * {@code siglip.npz} in big_vision's layout and {@code gemma/}, a Hugging Face folder, with Gemma's
 * vocabulary before location and segmentation tokens were added; and a mask codec, {@code
 * vae-oid.npz}. {@code towers.json} is written last and records their settings.
 */
final class Towers {
  /** Increased whenever the same settings would write something else than before. */
  private static final int FORMAT = 2;

  private Towers() {}

  /**
   * Writes the towers of a recipe's model.
   *
   * @throws InvalidConfigException when the model's vocabulary has no room for the location and
   *     segmentation tokens, or the folder contains other towers
   */
  static void write(NDManager manager, PrepareConfig.Towers settings, PipelineConfig recipe) {
    ModelConfig model = recipe.model();
    int added = BpeTrainer.LOCATIONS + BpeTrainer.SEGMENTS;
    int base = model.language().vocabulary() - added;
    if (base < 1) {
      throw new InvalidConfigException(
          List.of(
              new Problem(
                  "model.language.vocabulary",
                  "must be greater than the %d location and segmentation tokens, got %d"
                      .formatted(added, model.language().vocabulary()))));
    }
    write(manager, settings, model.withVocabulary(base));
  }

  /**
   * Writes the towers of a model, or does nothing if the same ones already exist.
   *
   * @param model its vocabulary is the number of embedding rows written
   * @throws InvalidConfigException when the folder contains other towers
   * @throws UncheckedIOException when a file cannot be written
   */
  static void write(NDManager manager, PrepareConfig.Towers settings, ModelConfig model) {
    Path out = Path.of(settings.out());
    Path facts = out.resolve("towers.json");
    ObjectNode wanted = Json.STRICT.createObjectNode();
    wanted.put("format", FORMAT);
    wanted.put("seed", Long.toString(settings.seed()));
    wanted.put("resolution", settings.resolution());
    wanted
        .putObject("model")
        .putPOJO("vision", model.vision())
        .putPOJO("language", model.language());
    try {
      // Through text, because a number in memory may be of another type than the same one read
      // back.
      String text = Json.indented(wanted);
      if (Files.exists(facts)) {
        JsonNode found = Json.STRICT.readTree(facts.toFile());
        if (found.equals(Json.STRICT.readTree(text))) {
          return;
        }
        throw new InvalidConfigException(
            List.of(
                new Problem(
                    "prepare.towers.out",
                    "%s contains other towers: found %s, asked for %s; remove them or name another"
                            .formatted(out, found, wanted)
                        + " folder")));
      }
      try (Parameters drawn =
          Initialization.random(manager, model, settings.resolution(), settings.seed())) {
        ParameterValues values = ParameterValues.of(drawn);
        TowerExporter.siglip(out.resolve("siglip.npz"), values, model);
        TowerExporter.gemma(out.resolve("gemma"), values, model);
      }
      TowerExporter.maskCodec(out.resolve("vae-oid.npz"), settings.seed());
      Durable.file(facts, text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + facts, e);
    }
  }
}
