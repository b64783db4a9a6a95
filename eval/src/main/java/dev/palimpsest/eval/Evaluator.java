package dev.palimpsest.eval;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Postprocess;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.benchmarks.Question;
import dev.palimpsest.eval.decoding.Answerer;
import dev.palimpsest.eval.metrics.Bootstrap;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.ScoreReport;
import dev.palimpsest.eval.metrics.Scoreboard;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.model.ranks.Collectives;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;

/**
 * Scores a model on tasks. With several ranks, the first one asks the questions, keeps the answers
 * and scores them; the others {@link #takePart}.
 */
public final class Evaluator implements AutoCloseable {
  /**
   * Number of resamples for headline values that are means over examples, which are cheap to
   * resample.
   */
  private static final Bootstrap MEANS = Bootstrap.STANDARD;

  /** Number of resamples for headline values that are recomputed from each resample. */
  private static final Bootstrap CORPUS = new Bootstrap(100, 0, Bootstrap.STANDARD.level());

  private static final MetricId EXACT = new MetricId("exact_match", "characters", 1);

  private final EvaluatedModel model;
  private final int batchSize;
  private final NDManager parent;
  private final Path predictionsFolder;
  private final Selection selection;
  private final Watch watch;
  private final Dealt dealt;

  /** Whether ranks are in the middle of something, where all of them end in the same way. */
  private boolean together;

  /** The evaluator of a process by itself. */
  public Evaluator(
      EvaluatedModel model,
      int batchSize,
      NDManager parent,
      Path predictionsFolder,
      Selection selection,
      Watch watch) {
    this(model, batchSize, parent, predictionsFolder, selection, Collectives.alone(), watch);
  }

  /**
   * Creates an evaluator.
   *
   * @param batchSize examples per forward pass; in float32 this only affects speed and memory, in
   *     bfloat16 it is part of every score's protocol
   * @param parent everything made here lives in children of it and is gone on return
   * @param predictionsFolder receives {@code TASK.jsonl} for each task; existing answers of the
   *     same model to the same questions are reused
   * @param ranks among which questions are divided
   * @param watch is told of the progress
   */
  public Evaluator(
      EvaluatedModel model,
      int batchSize,
      NDManager parent,
      Path predictionsFolder,
      Selection selection,
      Collectives ranks,
      Watch watch) {
    this.model = model;
    this.batchSize = batchSize;
    this.parent = parent;
    this.predictionsFolder = predictionsFolder;
    this.selection = selection;
    this.watch = watch;
    this.dealt = new Dealt(ranks);
  }

  /** Accompanies an evaluation. */
  @FunctionalInterface
  public interface Watch {
    /**
     * Called on the first rank before each question is read and before each metric; if it throws,
     * the evaluation ends there and keeps the answers so far.
     */
    void between();

    /**
     * Called before each round of batches, by all ranks together; if it throws on one it must throw
     * on all.
     */
    default void beforeRound() {
      between();
    }

    /**
     * Called when a task's questions have been read, and after each answer.
     *
     * @param answered so far, including those of an earlier evaluation that are used again
     * @param questions of the task
     */
    default void answered(String task, int answered, int questions) {}
  }

  /**
   * Answers and scores every task of a suite.
   *
   * @throws UncheckedIOException when a source cannot be read or predictions cannot be written
   * @throws dev.palimpsest.mixtures.formats.BadExampleException when an example cannot be used
   * @throws dev.palimpsest.eval.metrics.MetricInputException when a task's examples lack what its
   *     metric needs
   */
  public SuiteResult evaluate(SuiteConfig suite) {
    Map<String, TaskResult> results = new LinkedHashMap<>();
    suite.tasks().forEach((name, task) -> results.put(name, evaluate(name, task)));
    return new SuiteResult(results);
  }

  /** The same for one task. */
  public TaskResult evaluate(String name, SuiteTaskConfig config) {
    return judge(name, config).result();
  }

  /** The same for one task, with how each answer was judged. */
  public Judged judge(String name, SuiteTaskConfig config) {
    EvaluationTask task = EvaluationTask.open(name, config, model, selection);
    List<Question> questions = task.questions();
    Pictures pictures = new Pictures();
    List<ObjectNode> keys = new ArrayList<>();
    Checksum split = new Checksum();
    long cut = 0;
    for (Question question : questions) {
      watch.between();
      String seen = pictures.hash(question.example());
      split.add(question, seen);
      keys.add(key(task, question, seen));
      cut += isCut(question.example(), task.textTokens()) ? 1 : 0;
    }
    try (PredictionFile file =
        new PredictionFile(predictionsFolder, name, questions, keys, batchSize)) {
      answer(task, file);
      file.finish();
      return judged(
          task,
          file,
          task.protocol(split.hex(), cut > 0, model.model().precision(), batchSize),
          cut,
          clusters(questions, keys));
    }
  }

  /**
   * Answers questions with the first rank until it says that the evaluation is over.
   *
   * @param tasks those of which the first rank may evaluate any
   */
  public void takePart(Map<String, SuiteTaskConfig> tasks) {
    for (Dealt.Order order = dealt.announced(Dealt.Order.END);
        !order.ends();
        order = dealt.announced(Dealt.Order.END)) {
      SuiteTaskConfig config = Objects.requireNonNull(tasks.get(order.task()), order.task());
      EvaluationTask task = EvaluationTask.open(order.task(), config, model, selection);
      answer(task, order.open(), (answer, question) -> {});
    }
  }

  /** The evaluation is over, for the other ranks as well. */
  @Override
  public void close() {
    if (dealt.ranks().isFirst() && !together) {
      dealt.announced(Dealt.Order.END);
    }
  }

  private void answer(EvaluationTask task, PredictionFile file) {
    List<Integer> open = new ArrayList<>();
    for (int i = 0; i < task.questions().size(); i++) {
      if (!file.has(i)) {
        open.add(i);
      }
    }
    int all = task.questions().size();
    int[] answered = {all - open.size()};
    watch.answered(task.name(), answered[0], all);
    if (open.isEmpty()) {
      return;
    }
    together = true;
    dealt.announced(new Dealt.Order(task.name(), open));
    answer(
        task,
        open,
        (answer, question) -> {
          file.add(question, answer);
          watch.answered(task.name(), ++answered[0], all);
        });
    together = false;
  }

  private void answer(
      EvaluationTask task, List<Integer> open, ObjIntConsumer<PredictionFile.Saved> answers) {
    // Benchmarks do not define it.
    boolean teacherForced = task.benchmark() == null || selection.likelihoods();
    try (Answerer answerer =
        new Answerer(
            model.model(),
            model.weights(),
            model.tokenizer(),
            task.image(),
            model.resolution(),
            task.textTokens(),
            batchSize,
            parent,
            () -> {})) {
      dealt.answer(
          answerer,
          open.stream().map(i -> task.questions().get(i).example()).toList(),
          task.decode(),
          example ->
              teacherForced && !example.references().isEmpty()
                  ? List.of(example.suffix())
                  : List.of(),
          watch::beforeRound,
          (answer, i) -> answers.accept(answer, open.get(i)));
    }
  }

  private boolean isCut(Example example, int textTokens) {
    return TokenSequence.promptLength(model.tokenizer(), example.prefix()) > textTokens;
  }

  /** The key that a saved answer must have to be used for a question. */
  private ObjectNode key(EvaluationTask task, Question question, String pictures) {
    ObjectNode key = JsonNodeFactory.instance.objectNode();
    key.put("task", task.version().isEmpty() ? task.name() : task.version());
    key.put("prompt", Checksum.of(question.example().prefix()));
    key.put("images", pictures);
    key.put("decode", Fingerprint.of(task.decode()).substring(0, 16));
    key.put(
        "imageSteps",
        Fingerprint.of(task.image()).substring(0, 16)
            + " "
            + model.resolution()
            + "px "
            + task.textTokens()
            + " tokens"
            + (task.orientation() == null ? "" : " " + task.orientation()));
    key.put("model", model.fingerprint());
    if (task.benchmark() != null && selection.likelihoods()) {
      key.put("likelihoods", true);
    }
    if (model.model().precision() != Precision.F32) {
      key.put("precision", "%s, batches of %d".formatted(model.model().precision(), batchSize));
    }
    return key;
  }

  /**
   * For each example, the hash of its pictures: examples about the same pictures are not
   * independent.
   */
  private static Map<String, String> clusters(List<Question> questions, List<ObjectNode> keys) {
    Map<String, String> clusters = new HashMap<>();
    for (int i = 0; i < keys.size(); i++) {
      Example example = questions.get(i).example();
      clusters.put(
          example.id(),
          example.images().isEmpty() ? example.id() : keys.get(i).path("images").asText());
    }
    return clusters;
  }

  // ---- Scores

  private Judged judged(
      EvaluationTask task,
      PredictionFile file,
      Protocol protocol,
      long cutPrompts,
      Map<String, String> clusters) {
    int n = task.questions().size();
    List<String> notes = new ArrayList<>(task.notes());
    List<MetricRecord> records = new ArrayList<>();
    long[] exact = new long[n];
    long[] ones = new long[n];
    long[] hits = new long[n];
    long[] tokens = new long[n];
    double[] losses = new double[n];
    long truncated = 0;
    boolean answersKept = true;
    for (int i = 0; i < n; i++) {
      Question question = task.questions().get(i);
      PredictionFile.Saved saved = file.answer(i);
      records.add(question.answered(postprocessed(saved.text(), task.postprocess())));
      List<String> references = question.example().references();
      answersKept &= references.isEmpty();
      ones[i] = references.isEmpty() ? 0 : 1;
      exact[i] = references.contains(saved.text()) ? 1 : 0;
      tokens[i] = saved.tokens();
      hits[i] = saved.hits();
      losses[i] = saved.loss();
      truncated += saved.truncated() ? 1 : 0;
    }
    BenchmarkConfig benchmark = task.benchmark();
    if (benchmark != null && benchmark.examples() > 0 && benchmark.examples() != n) {
      notes.add("%d of the %d examples of the split".formatted(n, benchmark.examples()));
    }
    if (cutPrompts > 0) {
      notes.add(
          "%d prompts are longer than %d tokens and were truncated"
              .formatted(cutPrompts, task.textTokens()));
    }
    if (benchmark != null && !benchmark.note().isEmpty()) {
      notes.add(benchmark.note());
    }
    List<MetricResult> verdicts =
        selection.predictOnly() ? List.of() : verdicts(task, records, notes, answersKept);
    List<MetricScore> scores =
        verdicts.stream().map(verdict -> score(verdict, protocol, clusters)).toList();
    TaskResult result =
        new TaskResult(
            n,
            Score.ofRatio(exact, ones),
            Score.ofRatio(hits, tokens),
            Score.ofMean(losses),
            Score.perplexity(losses, tokens),
            scores,
            benchmark == null ? null : benchmark.name(),
            benchmark == null ? 0 : benchmark.examples(),
            truncated,
            cutPrompts,
            task.questions().isEmpty() ? "" : task.questions().get(0).example().prefix(),
            protocol.values(),
            notes);
    return new Judged(
        result,
        verdicts.isEmpty() && !answersKept ? List.of(exactMatch(records, exact)) : verdicts,
        Likelihoods.of(records, losses, tokens),
        clusters,
        task.questions().stream().map(Question::example).toList(),
        IntStream.range(0, n).mapToObj(i -> file.answer(i).text()).toList());
  }

  /** For tasks without metrics, so that their answers can be compared one by one. */
  private static MetricResult exactMatch(List<MetricRecord> records, long[] exact) {
    Scoreboard board = new Scoreboard(EXACT, "accuracy");
    for (int i = 0; i < exact.length; i++) {
      board.add(records.get(i), (double) exact[i]);
    }
    return board.result();
  }

  private static String postprocessed(String text, List<Postprocess> steps) {
    String done = text;
    for (Postprocess step : steps) {
      done =
          switch (step) {
            case LOWER -> done.toLowerCase(Locale.ROOT);
            case STRIP -> done.strip();
          };
    }
    return done;
  }

  private List<MetricResult> verdicts(
      EvaluationTask task, List<MetricRecord> records, List<String> notes, boolean answersKept) {
    List<MetricResult> verdicts = new ArrayList<>();
    for (Metric metric : task.metrics()) {
      watch.between();
      if (records.isEmpty()) {
        notes.add(metric.id().key() + ": not scored, because there are no examples");
        continue;
      }
      if (answersKept && metric.needs().startsWith("references")) {
        notes.add(
            "%s: not scored, because the answers are not public; submit the predictions where they are"
                .formatted(metric.id().key()));
        continue;
      }
      Optional<String> name = metric.file();
      Optional<Path> file = name.flatMap(task::file);
      if (name.isPresent() && file.isEmpty()) {
        notes.add("%s: not scored, because %s is missing".formatted(metric.id().key(), name.get()));
        continue;
      }
      verdicts.add(metric.score(file.map(f -> metric.prepared(records, f)).orElse(records)));
    }
    return verdicts;
  }

  private static MetricScore score(
      MetricResult verdict, Protocol protocol, Map<String, String> clusters) {
    ScoreReport report =
        ScoreReport.of(
            verdict,
            Judged.clustersOf(verdict, clusters),
            verdict.headline().isMean() ? MEANS : CORPUS);
    return MetricScore.of(report, protocol.hash(verdict.metric()));
  }
}
