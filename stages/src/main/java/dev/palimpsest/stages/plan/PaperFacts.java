package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.configs.checks.Variants;
import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A recipe beside the PaliGemma papers: PG1 is arXiv 2407.07726v2, PG2 arXiv 2412.03555v1, and
 * files are those of big_vision at commit 0127fb6.
 *
 * <p>What the papers leave out is listed as well, because a number that somebody had to choose is
 * what differs between reproductions.
 */
public final class PaperFacts {
  private static final VisionConfig SO400M = new VisionConfig(1152, 27, 4304, 16, 14, 1e-6);

  private final PipelineConfig recipe;
  private final List<PaperFact> facts = new ArrayList<>();

  private PaperFacts(PipelineConfig recipe) {
    this.recipe = recipe;
  }

  /** The facts of all stages, in the recipe's order. */
  public static List<PaperFact> of(PipelineConfig recipe) {
    PaperFacts table = new PaperFacts(recipe);
    for (StageConfig stage : recipe.stages()) {
      table.add(stage, Role.of(recipe, stage));
    }
    return List.copyOf(table.facts);
  }

  /** The paper's stages. */
  private enum Role {
    IMPORT("0"),
    JOINT("1"),
    FIRST_INCREASE("2, 448px"),
    SECOND_INCREASE("2, 896px"),
    TRANSFER("3"),
    OTHER("-");

    private final String word;

    Role(String word) {
      this.word = word;
    }

    /**
     * The first training of imported towers is stage 1, training of a whole imported model or of a
     * checkpoint a transfer; a further stage at a higher resolution is the next of stage 2.
     */
    static Role of(PipelineConfig recipe, StageConfig stage) {
      Optional<StageConfig> parent = parent(recipe, stage);
      if (parent.isEmpty()) {
        boolean towers = stage.init() instanceof Init.FromPretrained p && p.model() == null;
        return stage.examples() == 0 ? IMPORT : towers ? JOINT : TRANSFER;
      }
      Role before = of(recipe, parent.get());
      if (stage.examples() == 0) {
        return OTHER;
      }
      if (before == IMPORT) {
        boolean towers = parent.get().init() instanceof Init.FromPretrained p && p.model() == null;
        return towers ? JOINT : TRANSFER;
      }
      boolean higher = stage.resolution() > parent.get().resolution();
      return higher && before == JOINT
          ? FIRST_INCREASE
          : higher && before == FIRST_INCREASE ? SECOND_INCREASE : TRANSFER;
    }
  }

  private static Optional<StageConfig> parent(PipelineConfig recipe, StageConfig stage) {
    return stage.init() instanceof Init.FromStage from
        ? recipe.stages().stream().filter(one -> one.name().equals(from.stage())).findFirst()
        : Optional.empty();
  }

  /**
   * A decoder of the papers.
   *
   * @param learningRate of stages 1 and 2 (PG2 section 3)
   */
  private record Decoder(LanguageConfig sizes, double learningRate) {
    static final List<Decoder> ALL =
        List.of(
            new Decoder(gemma(2048, 18, 16384, 8, 1, 256, 256, false), 2e-5),
            new Decoder(gemma(2304, 26, 9216, 8, 4, 256, 256, true), 1e-5),
            new Decoder(gemma(3584, 42, 14336, 16, 8, 256, 256, true), 5e-6),
            new Decoder(gemma(4608, 46, 36864, 32, 16, 128, 144, true), 5e-6));

    private static LanguageConfig gemma(
        int width,
        int depth,
        int mlp,
        int heads,
        int keyHeads,
        int headDim,
        double queryScalar,
        boolean second) {
      return new LanguageConfig(
          257_152,
          width,
          depth,
          mlp,
          heads,
          keyHeads,
          headDim,
          queryScalar,
          second ? 50 : 0,
          second ? 30 : 0,
          second,
          0,
          10_000,
          1e-6);
    }

    /** The recipe's, or PaliGemma's for other sizes. */
    static Decoder of(LanguageConfig language) {
      return ALL.stream()
          .filter(one -> describe(one.sizes).equals(describe(language)))
          .findFirst()
          .orElse(ALL.get(0));
    }
  }

  // ---- The table

  private void add(StageConfig stage, Role role) {
    switch (role) {
      case IMPORT -> imported(stage, role);
      case JOINT -> {
        shape(stage, role, "224px, 256 image tokens", "128", "1,000,000,000");
        pretraining(stage, role);
      }
      case FIRST_INCREASE -> {
        shape(stage, role, "448px, 1024 image tokens", "512", "50,000,000");
        pretraining(stage, role);
        increase(stage, role);
      }
      case SECOND_INCREASE -> {
        shape(stage, role, "896px, 4096 image tokens", "512", "10,000,000");
        pretraining(stage, role);
        increase(stage, role);
      }
      case TRANSFER -> transfer(stage, role);
      case OTHER -> {}
    }
  }

  private void imported(StageConfig stage, Role role) {
    LanguageConfig language = recipe.model().language();
    Decoder decoder = Decoder.of(language);
    fact(
        stage, role, "image tower", describe(SO400M), "PG1 3.1", describe(recipe.model().vision()));
    fact(stage, role, "decoder", describe(decoder.sizes), "PG1 3.1, PG2 3", describe(language));
    fact(stage, role, "embedding rows", "257,152", "PG1 3.1", count(language.vocabulary()));
    if (stage.init() instanceof Init.FromPretrained from && from.model() == null) {
      fact(stage, role, "connector", "zero", "PG1 3.1", word(from.connector()));
    }
    softcaps(stage, role, decoder);
  }

  private void softcaps(StageConfig stage, Role role, Decoder decoder) {
    LanguageConfig paper = decoder.sizes;
    LanguageConfig ours = stage.model(recipe.model()).language();
    if (paper.postNorms()) {
      fact(stage, role, "soft-caps", caps(paper), "PG2 3", caps(ours));
    }
  }

  private void shape(
      StageConfig stage, Role role, String resolution, String textTokens, String examples) {
    fact(
        stage,
        role,
        "resolution",
        resolution,
        "PG1 3.2",
        "%dpx, %d image tokens"
            .formatted(
                stage.resolution(), recipe.model().vision().imageTokens(stage.resolution())));
    fact(stage, role, "text tokens", textTokens, "PG1 3.2", Integer.toString(stage.textTokens()));
    fact(stage, role, "examples", examples, "PG1 3.2", count(stage.examples()));
  }

  private void pretraining(StageConfig stage, Role role) {
    OptimizerConfig optimizer = stage.requiredOptimizer();
    Decoder decoder = Decoder.of(recipe.model().language());
    fact(stage, role, "frozen", "nothing", "PG1 3.2", frozen(optimizer));
    fact(
        stage,
        role,
        "learning rate",
        Numbers.write(decoder.learningRate),
        "PG2 3",
        Numbers.write(optimizer.learningRate()));
    fact(stage, role, "schedule", "rsqrt", "PG1 3.2.6, figure 3", word(optimizer.schedule()));
    fact(
        stage,
        role,
        "cool-down",
        "none",
        "PG1 3.2.6",
        optimizer.schedule().cooldownExamples() == 0
            ? "none"
            : count(optimizer.schedule().cooldownExamples()) + " examples");
    fact(
        stage,
        role,
        "warm-up of the image tower",
        "linear, slower than the decoder's",
        "PG1 3.2.2",
        vision(optimizer) > optimizer.schedule().warmupExamples()
            ? "linear, slower than the decoder's"
            : "as the decoder's");
    fact(stage, role, "optimizer", "Adam, 0.9, 0.999, 1e-8", "PG2 3", adam(optimizer));
    fact(
        stage,
        role,
        "parameters and moments",
        "f32",
        "PG1 3.2.6",
        optimizer.momentumType().name().toLowerCase(Locale.ROOT));
    fact(stage, role, "augmentation", "resize, jpeg, crop", "PG1 3.2.6", kinds(stage));
    softcaps(stage, role, decoder);

    // What the papers leave out
    AugmentConfig augment = stage.image().augment();
    ours(
        stage,
        role,
        "strength of the augmentation",
        "jpeg %s, crop to %s at least"
            .formatted(Numbers.write(augment.jpeg()), Numbers.write(augment.cropArea())));
    ours(stage, role, "batch size", count(stage.batchSize()));
    ours(stage, role, "warm-up", count(optimizer.schedule().warmupExamples()) + " examples");
    ours(
        stage, role, "length of the image tower's warm-up", count(vision(optimizer)) + " examples");
    if (optimizer.schedule() instanceof ScheduleConfig.Rsqrt rsqrt) {
      ours(stage, role, "timescale", count(rsqrt.timescaleExamples()) + " examples");
    }
    ours(stage, role, "weight decay", Numbers.write(optimizer.weightDecay()));
    ours(stage, role, "gradient clipping", Numbers.write(optimizer.clipNorm()));
    ours(stage, role, "dropout", Numbers.write(stage.dropout()));
    ours(stage, role, "label smoothing", Numbers.write(stage.labelSmoothing()));
    ours(stage, role, "precision", stage.precision().name().toLowerCase(Locale.ROOT));
    ours(stage, role, "mixture", mixture(stage));
  }

  private void increase(StageConfig stage, Role role) {
    HandOver handOver = stage.handOver();
    fact(
        stage,
        role,
        "learning-rate curve",
        "continue",
        "PG1 3.2.6, figure 3",
        word(handOver.schedule()));
    fact(
        stage,
        role,
        "position embedding",
        "resample",
        "models/vit.py",
        word(handOver.positionEmbedding()));
    StageConfig first = stage;
    Optional<StageConfig> parent = parent(recipe, stage);
    while (parent.isPresent() && parent.get().examples() > 0) {
      first = parent.get();
      parent = parent(recipe, first);
    }
    fact(
        stage,
        role,
        "OCR, detection, segmentation",
        "more than in stage 1",
        "PG1 3.2.3",
        reading(stage) > reading(first) ? "more than in stage 1" : "no more than in stage 1");
    ours(
        stage,
        role,
        "their share",
        "%.0f %% (stage 1: %.0f %%)".formatted(100 * reading(stage), 100 * reading(first)));
    ours(stage, role, "optimizer's state", word(handOver.optimizer()));
  }

  /** The one simple setting that is near the best on most tasks. */
  private void transfer(StageConfig stage, Role role) {
    OptimizerConfig optimizer = stage.requiredOptimizer();
    fact(stage, role, "learning rate", "1e-5", "PG1 6.2", Numbers.write(optimizer.learningRate()));
    fact(stage, role, "batch size", "256", "PG1 6.2", count(stage.batchSize()));
    fact(stage, role, "dropout", "0", "PG1 6.2", Numbers.write(stage.dropout()));
    fact(stage, role, "label smoothing", "0", "PG1 6.2", Numbers.write(stage.labelSmoothing()));
    fact(stage, role, "weight decay", "0", "PG1 6.2", Numbers.write(optimizer.weightDecay()));
    fact(stage, role, "frozen", "nothing", "PG1 6.2", frozen(optimizer));
    fact(stage, role, "schedule", "cosine", "transfers/forkme.py", word(optimizer.schedule()));
    fact(
        stage,
        role,
        "warm-up",
        "5 % of the examples",
        "transfers/forkme.py",
        "%s %% of the examples"
            .formatted(
                Numbers.write(100.0 * optimizer.schedule().warmupExamples() / stage.examples())));
    fact(
        stage,
        role,
        "gradient clipping",
        "1",
        "transfers/forkme.py",
        Numbers.write(optimizer.clipNorm()));
    fact(
        stage,
        role,
        "text tokens",
        "128",
        "transfers/forkme.py",
        Integer.toString(stage.textTokens()));
    ours(stage, role, "examples", count(stage.examples()));
  }

  private void fact(
      StageConfig stage, Role role, String what, String paper, String source, String ours) {
    facts.add(new PaperFact(stage.name(), role.word, what, paper, source, ours));
  }

  private void ours(StageConfig stage, Role role, String what, String value) {
    @Nullable String none = null;
    facts.add(new PaperFact(stage.name(), role.word, what, none, "", value));
  }

  // ---- Settings in words

  private static String describe(VisionConfig v) {
    return "width %d, %d blocks, MLP %d, %d heads, patch %d"
        .formatted(v.width(), v.depth(), v.mlpWidth(), v.heads(), v.patchSize());
  }

  private static String describe(LanguageConfig l) {
    return "width %d, %d blocks, MLP %d, %d heads of %d, %d for keys"
        .formatted(l.width(), l.depth(), l.mlpWidth(), l.heads(), l.headDim(), l.keyValueHeads());
  }

  private static String caps(LanguageConfig language) {
    return "attention %s, logits %s"
        .formatted(
            Numbers.write(language.attentionSoftcap()), Numbers.write(language.finalSoftcap()));
  }

  private static String frozen(OptimizerConfig optimizer) {
    List<String> frozen =
        optimizer.groups().entrySet().stream()
            .filter(group -> group.getValue().frozen())
            .map(Map.Entry::getKey)
            .toList();
    return frozen.isEmpty() ? "nothing" : String.join(", ", frozen);
  }

  private static String adam(OptimizerConfig optimizer) {
    return "%s, %s, %s, %s"
        .formatted(
            optimizer.algorithm(),
            Numbers.write(optimizer.beta1()),
            Numbers.write(optimizer.beta2()),
            Numbers.write(optimizer.epsilon()));
  }

  /** Warm-up of the group that the image tower's blocks belong to. */
  private static long vision(OptimizerConfig optimizer) {
    ScheduleConfig own = optimizer.groupOf("vision/blocks/0/mlp/in/kernel").schedule();
    return (own == null ? optimizer.schedule() : own).warmupExamples();
  }

  private static String kinds(StageConfig stage) {
    AugmentConfig augment = stage.image().augment();
    List<String> kinds = new ArrayList<>();
    if (augment.resize()) {
      kinds.add("resize");
    }
    if (augment.jpeg() > 0) {
      kinds.add("jpeg");
    }
    if (augment.cropArea() < 1) {
      kinds.add("crop");
    }
    return kinds.isEmpty() ? "none" : String.join(", ", kinds);
  }

  private static String mixture(StageConfig stage) {
    return stage.weightedTasks().stream()
        .map(task -> task + " " + Numbers.write(weight(stage, task)))
        .collect(Collectors.joining(", "));
  }

  private static double weight(StageConfig stage, String task) {
    return Objects.requireNonNullElse(stage.mixture().get(task), 0.0);
  }

  /** Share of the weights that OCR, detection and segmentation have. */
  private double reading(StageConfig stage) {
    double all = 0;
    double reading = 0;
    for (Map.Entry<String, Double> entry : stage.mixture().entrySet()) {
      TaskConfig task = recipe.tasks().get(entry.getKey());
      @Nullable TaskType type = task == null ? null : task.type();
      boolean counts =
          type instanceof TaskType.Ocr
              || type instanceof TaskType.Detect
              || type instanceof TaskType.Segment;
      all += entry.getValue();
      reading += counts ? entry.getValue() : 0;
    }
    return all == 0 ? 0 : reading / all;
  }

  private static String word(ScheduleConfig schedule) {
    return Variants.wordOf(schedule.getClass()).orElseThrow();
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }
}
