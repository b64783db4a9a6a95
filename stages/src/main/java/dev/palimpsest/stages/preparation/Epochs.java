package dev.palimpsest.stages.preparation;

import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns epochs into examples, for which the data must be there. */
public final class Epochs {
  private static final Logger log = LoggerFactory.getLogger(Epochs.class);

  private Epochs() {}

  /** Whether a stage's number of examples follows from its data. */
  public static boolean isAskedFor(PipelineConfig recipe) {
    return recipe.stages().stream().anyMatch(stage -> stage.epochs() != null);
  }

  /** The same recipe with numbers of examples alone. */
  public static PipelineConfig resolved(PipelineConfig recipe, Tokenizer tokenizer) {
    if (!isAskedFor(recipe)) {
      return recipe;
    }
    List<StageConfig> stages = new ArrayList<>();
    for (StageConfig stage : recipe.stages()) {
      Double epochs = stage.epochs();
      stages.add(epochs == null ? stage : resolved(recipe, stage, epochs, tokenizer));
    }
    return recipe.withStages(stages);
  }

  private static StageConfig resolved(
      PipelineConfig recipe, StageConfig stage, double epochs, Tokenizer tokenizer) {
    long rows = 0;
    try (Mixture mixture =
        Mixture.open(
            recipe.seed(),
            stage.name(),
            recipe.tasks(),
            stage,
            Decontamination.exclusions(recipe),
            tokenizer)) {
      for (String task : mixture.tasks()) {
        rows += mixture.size(task);
      }
    }
    long wanted = Math.max(1, (long) Math.ceil(epochs * rows - 1e-9));
    long batch = stage.batchSize();
    long steps = (wanted + batch - 1) / batch;
    long filled = steps * batch - wanted;
    log.info(
        "{}: {} epochs of {} rows are {} examples: {} steps of {}{}",
        stage.name(),
        epochs,
        rows,
        wanted,
        steps,
        batch,
        filled == 0
            ? ""
            : ", the last of which takes " + filled + " examples of the next epoch as well");
    return stage.withExamples(steps * batch);
  }
}
