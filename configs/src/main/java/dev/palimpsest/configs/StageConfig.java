package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.configs.evaluation.EarlyStopConfig;
import dev.palimpsest.configs.evaluation.EvaluateConfig;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One stage. Import, joint training, resolution increase and transfer have the same settings with
 * different values. A stage with {@code examples: 0} only imports, scores and exports.
 *
 * @param name name of the stage, unique in the recipe; also the name of its folder
 * @param init where the initial parameters come from
 * @param examples number of examples to train on; all schedules and cadences of a stage are counted
 *     in examples
 * @param epochs instead of {@code examples}: how often to go through the data. An epoch has as many
 *     examples as all tasks of the mixture have rows together; weights decide how often each row is
 *     seen. The number of examples is rounded up to whole batches: the last batch is filled from
 *     the beginning of the next epoch, so that no example is left out. A stage with epochs is
 *     resolved when its data is opened; the run folder's recipe has the number of examples
 * @param resolution side of the square input image, in pixels; a multiple of the patch size
 * @param textTokens number of text positions (BOS + prefix + separator + suffix + EOS)
 * @param batchSize examples per optimizer step
 * @param microBatch examples per forward pass; must divide {@code batchSize}; absent: the whole
 *     batch
 * @param packTo the most image and text tokens in a packed sequence: short examples of a micro
 *     batch share sequences up to this length without seeing each other, and their padding is left
 *     out; a longer example has a sequence of its own. 0: every example has a sequence of its own,
 *     including padding. Packing affects speed but not results, apart from rounding and the random
 *     numbers of dropout
 * @param precision number format of the computation. With {@code bf16}, blocks are computed in
 *     bfloat16; norms, softmax statistics and the loss stay in float32
 * @param mixture sampling weights by task name; they need not sum to 1, and their order in the file
 *     does not matter
 * @param temperature 0: weights are used as written; T > 0: each weight is multiplied by
 *     size^(1/T), where size is the number of rows in the task's source, so that 1 samples in
 *     proportion to size and larger values flatten the distribution
 * @param image image preprocessing for training and scoring
 * @param optimizer required when {@code examples > 0}
 * @param storage where parameters, gradients and moments are kept while the stage trains
 * @param handOver what the stage takes over from its parent
 * @param labelSmoothing the share of the target probability that is spread over all other tokens,
 *     [0, 1)
 * @param dropout dropout rate on both residual branches of the decoder, [0, 1); used in transfers
 * @param attentionSoftcap replaces the model's attention soft-cap; 0 disables it
 * @param finalSoftcap replaces the model's output soft-cap; 0 disables it, as in PaliGemma 2's
 *     released transfers (forkme.py:147) and, whatever the configuration says, in big_vision's
 *     training loss (models/ppp/gemma.py:486)
 * @param causalFrom replaces the model's attention mask: the first segment that is causal
 * @param imageWindow replaces the side of the windows in which the image tower encodes pictures, in
 *     pixels; 0: pictures are encoded whole
 * @param imageRopeFactor replaces what the rotary positions of image tokens are divided by; 0:
 *     every token has a position of its own
 * @param lossFrom the first segment whose tokens are trained on: {@code suffix}, or {@code prefix}
 *     for prompt and target (the paper, section 5.2). Prompts can only be trained on if they are
 *     causal, because a token that sees itself has nothing to predict
 * @param taskPrefix whether prompts begin with the words that name their task and language, such as
 *     {@code caption en}, {@code detect} or {@code ocr}. If false, they are removed in training and
 *     where the stage is scored on sources of the recipe (the paper, section 5.2); prompts of
 *     benchmarks are not changed
 * @param logEveryExamples examples between two lines in metrics.jsonl; 0 for one line per step
 * @param checkpoint when training checkpoints are saved, and which are kept
 * @param earlyStop ends the stage when a score no longer improves; absent: all examples are trained
 *     on
 * @param expectedLoss ranges in which the training loss is expected; a run warns outside of them
 * @param guard what to do about a step whose loss cannot be trusted
 * @param evaluate which suites the stage is scored on, and when
 * @param export the formats in which the stage's result is exported
 */
public record StageConfig(
    String name,
    Init init,
    @Default("0") long examples,
    @Nullable Double epochs,
    int resolution,
    int textTokens,
    @Default("1") int batchSize,
    @Nullable Integer microBatch,
    @Default("0") int packTo,
    @Default("f32") Precision precision,
    @Default("{}") Map<String, Double> mixture,
    @Default("0") double temperature,
    @Default("{}") ImageConfig image,
    @Nullable OptimizerConfig optimizer,
    @Default("{}") StorageConfig storage,
    @Default("{}") HandOver handOver,
    @Default("0") double labelSmoothing,
    @Default("0") double dropout,
    @Nullable Double attentionSoftcap,
    @Nullable Double finalSoftcap,
    @Nullable Segment causalFrom,
    @Nullable Integer imageWindow,
    @Nullable Double imageRopeFactor,
    @Default("suffix") Segment lossFrom,
    @Default("true") boolean taskPrefix,
    @Default("0") long logEveryExamples,
    @Default("{}") CheckpointConfig checkpoint,
    @Nullable EarlyStopConfig earlyStop,
    @Default("[]") List<ExpectedLoss> expectedLoss,
    @Default("{}") GuardConfig guard,
    @Default("{}") EvaluateConfig evaluate,
    @Default("{}") ExportConfig export) {
  /** At this temperature a million rows weigh 1e60; below it, weights soon overflow. */
  private static final double LEAST_TEMPERATURE = 0.1;

  /** At this temperature the sizes of tasks hardly matter any more. */
  private static final double MOST_TEMPERATURE = 1000;

  /** Checks ranges, and that a stage that trains has an optimizer, a mixture and whole batches. */
  public StageConfig {
    Check check =
        new Check()
            .that(
                name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
                "name",
                "must be letters, digits, '.', '_' and '-', beginning with a letter or digit, 100"
                    + " at most, got '%s'",
                Problem.brief(name))
            .examples("examples", examples)
            .range("resolution", resolution, 1, Check.MOST_PIXELS, "pixels")
            .range("textTokens", textTokens, 1, Check.MOST_TOKENS, "tokens")
            .range("batchSize", batchSize, 1, Check.MOST_BATCH, "examples")
            .range("packTo", packTo, 0, 1 << 20, "tokens")
            .that(
                temperature == 0
                    || (temperature >= LEAST_TEMPERATURE && temperature <= MOST_TEMPERATURE),
                "temperature",
                "must be 0 (weights as they are written) or from %s to %s, got %s",
                Numbers.write(LEAST_TEMPERATURE),
                Numbers.write(MOST_TEMPERATURE),
                Numbers.write(temperature))
            .within("labelSmoothing", labelSmoothing, 0, 1)
            .within("dropout", dropout, 0, 1)
            .that(
                lossFrom != Segment.IMAGE,
                "lossFrom",
                "must be suffix or prefix: pictures are not predicted")
            .examples("logEveryExamples", logEveryExamples);
    if (microBatch != null) {
      check
          .range("microBatch", microBatch, 1, Check.MOST_BATCH, "examples")
          .that(
              microBatch <= 0 || batchSize % microBatch == 0,
              "microBatch",
              "must divide the batch size %d, got %d",
              batchSize,
              microBatch);
    }
    if (epochs != null) {
      check
          .range("epochs", epochs, 1e-6, 1e6)
          .that(examples == 0, "epochs", "must not be there beside 'examples'; give one of them");
    }
    if (examples > 0 || epochs != null) {
      check
          .that(optimizer != null, "optimizer", "is required when the stage trains (examples > 0)")
          .that(
              !mixture.isEmpty(),
              "mixture",
              "must weight at least one task when the stage trains (examples > 0)")
          .that(
              batchSize <= 0 || examples % batchSize == 0,
              "examples",
              "must be a multiple of the batch size %d, got %d",
              batchSize,
              examples);
    }
    if (attentionSoftcap != null) {
      check.noneOr(
          "attentionSoftcap",
          attentionSoftcap,
          LanguageConfig.LEAST_SOFTCAP,
          LanguageConfig.MOST_SOFTCAP);
    }
    if (finalSoftcap != null) {
      check.noneOr(
          "finalSoftcap", finalSoftcap, LanguageConfig.LEAST_SOFTCAP, LanguageConfig.MOST_SOFTCAP);
    }
    if (imageWindow != null) {
      check.range("imageWindow", imageWindow, 0, Check.MOST_PIXELS, "pixels");
    }
    if (imageRopeFactor != null) {
      check.noneOr("imageRopeFactor", imageRopeFactor, 1, LanguageConfig.MOST_ROPE_FACTOR);
    }
    mixture.forEach(
        (task, weight) -> check.range("mixture." + task, weight, 0, TaskType.MOST_WEIGHT));
    check.done();
    mixture = Collections.unmodifiableMap(new TreeMap<>(mixture));
    expectedLoss = List.copyOf(expectedLoss);
  }

  /** Whether the stage trains: some examples, or epochs of what its data will turn out to be. */
  public boolean trains() {
    return examples > 0 || epochs != null;
  }

  /** The same stage with a number of examples in the place of epochs. */
  public StageConfig withExamples(long number) {
    return new StageConfig(
        name,
        init,
        number,
        null,
        resolution,
        textTokens,
        batchSize,
        microBatch,
        packTo,
        precision,
        mixture,
        temperature,
        image,
        optimizer,
        storage,
        handOver,
        labelSmoothing,
        dropout,
        attentionSoftcap,
        finalSoftcap,
        causalFrom,
        imageWindow,
        imageRopeFactor,
        lossFrom,
        taskPrefix,
        logEveryExamples,
        checkpoint,
        earlyStop,
        expectedLoss,
        guard,
        evaluate,
        export);
  }

  /**
   * How often a task is drawn, relative to others.
   *
   * @param task one of {@link #mixture}
   * @param size rows of its source
   */
  public double weight(String task, long size) {
    double written = mixture.getOrDefault(task, 0.0);
    return temperature == 0 ? written : written * Math.pow((double) size, 1 / temperature);
  }

  /** Names of the tasks that have a weight above 0, in their order. */
  public List<String> weightedTasks() {
    return mixture.keySet().stream().filter(task -> mixture.getOrDefault(task, 0.0) > 0).toList();
  }

  /** Examples a forward pass. */
  public int microBatchSize() {
    return microBatch == null ? batchSize : microBatch;
  }

  /** The optimizer of a stage that trains. */
  public OptimizerConfig requiredOptimizer() {
    return Objects.requireNonNull(optimizer, "a stage that trains has an optimizer");
  }

  /** Optimizer steps of the whole stage. */
  public long steps() {
    return examples / batchSize;
  }

  /** The model as this stage computes it: with what the stage replaces. */
  public ModelConfig model(ModelConfig base) {
    VisionConfig vision = base.vision();
    LanguageConfig language = base.language();
    return new ModelConfig(
        imageWindow == null ? vision : vision.withImageWindow(imageWindow),
        language
            .withSoftcaps(
                attentionSoftcap == null ? language.attentionSoftcap() : attentionSoftcap,
                finalSoftcap == null ? language.finalSoftcap() : finalSoftcap)
            .withImageRopeFactor(
                imageRopeFactor == null ? language.imageRopeFactor() : imageRopeFactor),
        base.connector(),
        causalFrom == null ? base.causalFrom() : causalFrom);
  }
}
