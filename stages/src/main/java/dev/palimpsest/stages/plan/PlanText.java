package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.CheckpointConfig;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.StageCost;
import dev.palimpsest.configs.StorageConfig;
import dev.palimpsest.configs.checks.Numbers;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a run is about to do, in words: printed at its start and stored as {@code plan.txt}. */
public final class PlanText {
  private PlanText() {}

  /**
   * A few lines for each stage.
   *
   * @param hardware on which it is run
   * @throws dev.palimpsest.configs.checks.InvalidConfigException when a stage's groups do not fit
   *     the model
   */
  public static List<String> of(PipelineConfig recipe, Hardware hardware) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: %s, seed %d, %s"
            .formatted(
                recipe.name(),
                counted(recipe.stages().size(), "stage"),
                recipe.seed(),
                counted(recipe.computeThreads(), "compute thread")));
    for (StageConfig stage : recipe.stages()) {
      lines.add(
          "%s: %s; %dpx (%d image tokens), %d text tokens"
              .formatted(
                  stage.name(),
                  stage
                      .init()
                      .match(
                          p ->
                              "imports "
                                  + Stream.of(p.model(), p.vision(), p.language())
                                      .filter(path -> path != null)
                                      .collect(Collectors.joining(", ")),
                          s -> "continues from " + s.stage(),
                          c -> "continues from " + c.path()),
                  stage.resolution(),
                  recipe.model().vision().imageTokens(stage.resolution()),
                  stage.textTokens()));
      if (!(stage.init() instanceof Init.FromPretrained)) {
        lines.add("  takes over: " + handOver(stage.handOver()));
      }
      if (stage.epochs() != null) {
        lines.add(
            "  trains for %s epochs in batches of %d; the data says how many examples that is"
                .formatted(Numbers.write(stage.epochs()), stage.batchSize()));
      }
      if (stage.examples() > 0) {
        lines.add(
            "  trains on %d examples in %d steps of %d; saves %s"
                .formatted(
                    stage.examples(), stage.steps(), stage.batchSize(), saves(stage.checkpoint())));
        lines.add("  " + cost(StagePlan.of(stage, recipe.model(), hardware, Optional.empty())));
        if (!stage.storage().isAllInMemory()) {
          lines.add("  " + storage(stage, StageCost.of(stage, recipe.model()).bytes()));
        }
      }
    }
    return lines;
  }

  /** Operations, memory and disk in a line. */
  private static String cost(StagePlan stage) {
    return String.format(
        Locale.ROOT,
        "%s an example, %s in all; about %s of memory, most of it for %s; checkpoints up to %s%s",
        Amounts.flops(stage.flopsAnExample().withoutRecomputation()),
        Amounts.flops(stage.flops().withoutRecomputation()),
        Amounts.bytes(stage.memoryTotal()),
        stage.memoryBytes().entrySet().stream()
            .sorted(Map.Entry.<ModelCost.Use, Long>comparingByValue().reversed())
            .limit(2)
            .map(
                use ->
                    "%s (%s)".formatted(Amounts.word(use.getKey()), Amounts.bytes(use.getValue())))
            .collect(Collectors.joining(" and ")),
        Amounts.bytes(stage.diskWhileTraining()),
        stage.exportBytes() == 0 ? "" : ", exports " + Amounts.bytes(stage.exportBytes()));
  }

  /** Where arrays are, and what that costs. */
  private static String storage(StageConfig stage, Map<ModelCost.Use, Long> bytes) {
    StorageConfig storage = stage.storage();
    StageCost.Traffic traffic = StageCost.traffic(stage, bytes);
    long parameters = bytes.getOrDefault(ModelCost.Use.PARAMETERS, 0L);
    long onDisk = storage.parametersOnDisk(parameters);
    return String.format(
        Locale.ROOT,
        "parameters %s%s, gradients %s, moments %s%s",
        place(storage.parameters() == StorageConfig.Storage.DISK, parameters),
        storage.parameters() == StorageConfig.Storage.DISK && onDisk < parameters
            ? String.format(
                Locale.ROOT, ", of which %.1f GB stay in memory", (parameters - onDisk) / 1e9)
            : "",
        storage.gradients() == StorageConfig.Gradients.RECOMPUTED
            ? "computed twice instead of kept"
            : place(
                storage.gradients() == StorageConfig.Gradients.DISK,
                bytes.getOrDefault(ModelCost.Use.GRADIENTS, 0L)),
        place(
            storage.moments() == StorageConfig.Storage.DISK,
            bytes.getOrDefault(ModelCost.Use.MOMENTS, 0L)),
        storage.usesDisk()
            ? String.format(
                Locale.ROOT,
                "; a step reads up to %.1f GB from disk and writes %.1f GB",
                traffic.read() / 1e9,
                traffic.written() / 1e9)
            : "");
  }

  private static String place(boolean onDisk, long bytes) {
    return String.format(
        Locale.ROOT, "%s (%.1f GB)", onDisk ? "on disk" : "in memory", bytes / 1e9);
  }

  static String handOver(HandOver how) {
    return "optimizer %s, schedule %s, data %s, position embedding %s"
        .formatted(
            word(how.optimizer()),
            word(how.schedule()),
            word(how.data()),
            word(how.positionEmbedding()));
  }

  private static String saves(CheckpointConfig checkpoint) {
    if (checkpoint.everyExamples() == 0) {
      return checkpoint.minutes() == 0
          ? "at the end"
          : "every %s minutes, keeping the last %d, and at the end"
              .formatted(Numbers.write(checkpoint.minutes()), checkpoint.keepLast());
    }
    return "every %d examples, keeping the last %d%s, and at the end"
        .formatted(
            checkpoint.everyExamples(),
            checkpoint.keepLast(),
            checkpoint.keepEveryExamples() == 0
                ? ""
                : " and every " + checkpoint.keepEveryExamples() + " for good");
  }

  private static String counted(int number, String what) {
    return number == 1 ? "1 " + what : number + " " + what + "s";
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
