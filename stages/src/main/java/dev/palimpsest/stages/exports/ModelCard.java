package dev.palimpsest.stages.exports;

import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.eval.MetricScore;
import dev.palimpsest.eval.SuiteResult;
import dev.palimpsest.eval.TaskResult;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.Lineage.Ancestor;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code README.md} of an exported Hugging Face folder: the metadata that the Hub reads, how to
 * load the model, what it was made from and trained on, and how it scores. Everything that comes
 * from a recipe is escaped.
 */
final class ModelCard {
  static final String FILE = "README.md";

  /** {@code owner/name}, as the Hub calls a model. */
  private static final Pattern REPOSITORY =
      Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}");

  private static final Logger log = LoggerFactory.getLogger(ModelCard.class);
  private final Lineage lineage;
  private final StageFacts facts;
  private final Precision precision;
  private final Map<String, SuiteResult> scores;
  private final Path run;
  private final StringBuilder out = new StringBuilder();

  private ModelCard(
      Lineage lineage,
      StageFacts facts,
      Precision precision,
      Map<String, SuiteResult> scores,
      Path run) {
    this.lineage = lineage;
    this.facts = facts;
    this.precision = precision;
    this.scores = scores;
    this.run = run;
  }

  /**
   * Writes a card.
   *
   * @param facts of the checkpoint
   * @param precision number format of the exported weights
   * @param scores of the checkpoint, by suite
   * @param run the run folder, to which places in the lineage are relative
   */
  static byte[] of(
      Lineage lineage,
      StageFacts facts,
      Precision precision,
      Map<String, SuiteResult> scores,
      Path run) {
    ModelCard card = new ModelCard(lineage, facts, precision, scores, run);
    card.metadata();
    card.head();
    card.use();
    card.lineage();
    card.data();
    card.scores();
    card.terms();
    return card.out.toString().getBytes(StandardCharsets.UTF_8);
  }

  // ---- What the Hub reads

  private void metadata() {
    line("---");
    line("library_name: transformers");
    line("pipeline_tag: image-text-to-text");
    if (!published().isEmpty()) {
      line("license: gemma");
    }
    Set<String> bases = bases();
    if (!bases.isEmpty()) {
      line("base_model:");
      bases.forEach(base -> line("- \"" + base + "\""));
    }
    line("tags:");
    line("- paligemma");
    line("- palimpsest");
    line("---");
    line("");
  }

  private List<Ancestor> published() {
    return lineage.ancestors().stream().filter(a -> a.kind().equals(Ancestor.PUBLISHED)).toList();
  }

  /** The name of an imported folder in its config.json, if that is a repository's name. */
  private Set<String> bases() {
    Set<String> bases = new LinkedHashSet<>();
    for (Ancestor tower : published()) {
      Path config = run.resolve(tower.place()).resolve("config.json");
      try {
        String name =
            Files.isRegularFile(config)
                ? Json.STRICT.readTree(config.toFile()).path("_name_or_path").asText()
                : "";
        if (REPOSITORY.matcher(name).matches()) {
          bases.add(name);
        }
      } catch (IOException e) {
        log.debug("{} does not state what it is", config, e);
      }
    }
    return bases;
  }

  // ---- What people read

  private void head() {
    line("# " + Escape.markdown(lineage.recipe() + "/" + lineage.stage()));
    line("");
    VisionConfig vision = facts.model().vision();
    LanguageConfig language = facts.model().language();
    long parameters =
        ParameterSpecs.of(facts.model(), facts.resolution()).values().stream()
            .mapToLong(shape -> shape.size())
            .sum();
    line(
        "A PaliGemma-style vision-language model of %s parameters for pictures of %d x %d pixels"
            .formatted(grouped(parameters), facts.resolution(), facts.resolution()));
    line(
        "(%d image tokens): a SigLIP image tower (depth %d, width %d), a linear connector and a Gemma%s"
            .formatted(
                vision.imageTokens(facts.resolution()),
                vision.depth(),
                vision.width(),
                language.postNorms() ? " 2" : ""));
    line(
        "decoder (depth %d, width %d). Weights are %s."
            .formatted(
                language.depth(),
                language.width(),
                precision == Precision.F32 ? "float32" : "bfloat16, rounded from float32"));
    line("Trained and written by Palimpsest.");
    line("");
  }

  private void use() {
    line("## Use");
    line("");
    line("With transformers 4.41 or newer, where FOLDER is this folder:");
    line("```python");
    line("from PIL import Image");
    line("from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor");
    line("");
    line("model = PaliGemmaForConditionalGeneration.from_pretrained(\"FOLDER\")");
    line("processor = PaliGemmaProcessor.from_pretrained(\"FOLDER\")");
    line("inputs = processor(text=\"caption en\", images=Image.open(\"picture.jpg\"),");
    line("                   return_tensors=\"pt\")");
    line(
        "answer = model.generate(**inputs, max_new_tokens=32)[0, inputs[\"input_ids\"].shape[1]:]");
    line("print(processor.decode(answer, skip_special_tokens=True))");
    line("```");
    line(
        "With Palimpsest: `./palimpsest predict FOLDER --image picture.jpg --prompt \"caption en\"`.");
    line(
        "`./palimpsest verify-export FOLDER` checks every file and tensor. Prompts are those of the");
    line("tasks below; a base model answers nothing else well before it is fine-tuned.");
    line("");
  }

  private void lineage() {
    line("## Lineage");
    line("");
    line("| from | examples | SHA-256 |");
    line("|---|---:|---|");
    for (Ancestor ancestor : lineage.ancestors()) {
      boolean published = ancestor.kind().equals(Ancestor.PUBLISHED);
      line(
          "| %s | %s | %s |"
              .formatted(
                  Escape.markdown(
                      published
                          ? "published %s, %s".formatted(ancestor.name(), name(ancestor.place()))
                          : ancestor.name()),
                  published ? "" : grouped(ancestor.examples()),
                  Escape.code(ancestor.id())));
    }
    line(
        "| %s | %s | %s |"
            .formatted(
                Escape.markdown(lineage.recipe() + "/" + lineage.stage() + ", this model"),
                grouped(lineage.examples()),
                Escape.code(lineage.id())));
    line("");
    line("- recipe: SHA-256 " + Escape.code(ContentHash.of(lineage.recipeYaml())));
    line("- stage's settings and data: " + Escape.code(lineage.fingerprint()));
    line("- tokenizer: SHA-256 " + Escape.code(Lineage.hash(lineage.identity(), "tokenizer")));
    List<String> changes =
        new ArrayList<>(lineage.accepted().stream().map(Object::toString).toList());
    changes.addAll(lineage.moves());
    changes.forEach(change -> line("- " + Escape.markdown(change)));
    line("");
    line("`lineage.json` has the whole recipe, and size and SHA-256 of every file here.");
    line("");
  }

  /** The last part of a path: where it was on somebody's disk is private. */
  private static String name(String place) {
    return place.replaceAll("[/\\\\]+$", "").replaceFirst(".*[/\\\\]", "");
  }

  // ---- Data

  private void data() {
    line("## Training data");
    line("");
    try {
      PipelineConfig recipe =
          Recipes.bind(
              lineage.recipeYaml(), "the recorded recipe", List.of(), Map.of("run", "run"));
      boolean trained = false;
      for (StageConfig stage : stages(recipe)) {
        if (stage.examples() > 0) {
          stage(recipe, stage);
          trained = true;
        }
      }
      if (!trained) {
        line("None: the towers were imported and have not been trained together.");
        line("");
      }
    } catch (InvalidConfigException e) {
      line("The recipe in `lineage.json` was written by another version of Palimpsest and is not");
      line("summarised here.");
      line("");
    }
  }

  /** The stages of this recipe that led to this checkpoint, in the recipe's order. */
  private List<StageConfig> stages(PipelineConfig recipe) {
    Set<String> names = new LinkedHashSet<>(List.of(lineage.stage()));
    String prefix = lineage.recipe() + "/";
    for (Ancestor ancestor : lineage.ancestors()) {
      if (ancestor.kind().equals(Ancestor.CHECKPOINT) && ancestor.name().startsWith(prefix)) {
        names.add(ancestor.name().substring(prefix.length()));
      }
    }
    return recipe.stages().stream().filter(stage -> names.contains(stage.name())).toList();
  }

  private void stage(PipelineConfig recipe, StageConfig stage) {
    line(
        "%s: %s examples at %d pixels, up to %d text tokens."
            .formatted(
                Escape.markdown(stage.name()),
                grouped(stage.examples()),
                stage.resolution(),
                stage.textTokens()));
    line("");
    line("| task | weight | share | source |");
    line("|---|---:|---:|---|");
    double sum = stage.weightedTasks().stream().mapToDouble(t -> weight(stage, t)).sum();
    for (String task : stage.weightedTasks()) {
      TaskConfig config = recipe.tasks().get(task);
      line(
          "| %s | %s | %s | %s |"
              .formatted(
                  Escape.markdown(task),
                  number(weight(stage, task)),
                  stage.temperature() == 0
                      ? String.format(Locale.ROOT, "%.2f %%", 100 * weight(stage, task) / sum)
                      : "by size",
                  config == null ? "" : Escape.code(Fingerprint.text(config.source()))));
    }
    line("");
  }

  private static double weight(StageConfig stage, String task) {
    return stage.mixture().getOrDefault(task, 0.0);
  }

  // ---- Scores

  private void scores() {
    if (scores.isEmpty()) {
      return;
    }
    line("## Scores");
    line("");
    line("| suite, task | metric | value | standard error | interval | n |");
    line("|---|---|---:|---:|---:|---:|");
    scores.forEach(
        (suite, result) -> result.tasks().forEach((task, scored) -> row(suite, task, scored)));
    line("");
  }

  private void row(String suite, String task, TaskResult result) {
    String name = Escape.markdown(suite + ", " + task);
    for (MetricScore score : result.metrics()) {
      Double error =
          score.clusteredStandardError() != null
              ? score.clusteredStandardError()
              : score.standardError();
      String interval =
          score.low() == null || score.high() == null
              ? "-"
              : "%s to %s (%.0f %%)"
                  .formatted(decimal(score.low()), decimal(score.high()), 100 * score.level());
      line(
          "| %s | %s | %s | %s | %s | %d |"
              .formatted(
                  name,
                  Escape.markdown(score.metric().toString()),
                  decimal(score.value()),
                  decimal(error),
                  interval,
                  score.n()));
    }
    if (result.metrics().isEmpty() && result.exactMatch().n() > 0) {
      double value = result.exactMatch().value();
      double error = result.exactMatch().standardError();
      line(
          "| %s | exact match | %s | %s | %s | %d |"
              .formatted(
                  name,
                  decimal(value),
                  decimal(error),
                  error == 0
                      ? "-"
                      : "%s to %s (95 %%)"
                          .formatted(
                              decimal(Math.max(0, value - 1.96 * error)),
                              decimal(Math.min(1, value + 1.96 * error))),
                  result.exactMatch().n()));
    }
  }

  private void terms() {
    line("## Terms");
    line("");
    if (published().isEmpty()) {
      line("Not derived from published weights; its author has stated no licence.");
    } else {
      line(
          "The weights are derived from the published towers above and remain under their terms; for");
      line("Gemma, see https://ai.google.dev/gemma/terms. The training data may have terms of");
      line("their own.");
    }
  }

  // ---- Words

  private static String decimal(@Nullable Double value) {
    return value == null ? "-" : String.format(Locale.ROOT, "%.4f", value);
  }

  private static String grouped(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private void line(String text) {
    out.append(text).append('\n');
  }
}
