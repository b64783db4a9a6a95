package dev.palimpsest.eval;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Postprocess;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.benchmarks.BenchmarkReader;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.Question;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.sources.Row;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.tasks.TaskPrefix;
import dev.palimpsest.mixtures.text.TextBudget;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An opened task of a suite: its questions, how they are asked, and the metrics that judge the
 * answers.
 *
 * @param name its name in the suite
 * @param questions its questions, limited to those selected
 * @param prompt template, or how rows become prompts
 * @param image how pictures are resized
 * @param orientation the orientation in which pictures are seen; absent: as stored
 * @param textTokens text positions of a prompt
 * @param metrics the metrics that judge the answers
 * @param benchmark its definition; absent for a recipe's own source
 * @param notes what a reader of the scores should know about the files
 * @param dataFolder of a benchmark: the folder of its files
 */
record EvaluationTask(
    String name,
    List<Question> questions,
    String prompt,
    ImageConfig image,
    @Nullable Orientation orientation,
    int textTokens,
    DecodeConfig decode,
    List<Metric> metrics,
    @Nullable BenchmarkConfig benchmark,
    List<String> notes,
    @Nullable Path dataFolder) {
  /** Keeps unmodifiable copies. */
  EvaluationTask {
    notes = List.copyOf(notes);
    questions = List.copyOf(questions);
    metrics = List.copyOf(metrics);
  }

  /** Reads a task's examples. */
  static EvaluationTask open(
      String name, SuiteTaskConfig config, EvaluatedModel model, Selection selection) {
    // Names of metrics are looked up before any file is read.
    List<Metric> own = config.metrics().stream().map(Benchmarks::metric).toList();
    String benchmark = config.benchmark();
    return benchmark == null
        ? ofSource(name, config, own, model, selection)
        : ofBenchmark(name, Benchmarks.find(benchmark), config, own, selection);
  }

  private static EvaluationTask ofBenchmark(
      String name,
      BenchmarkConfig shipped,
      SuiteTaskConfig config,
      List<Metric> metrics,
      Selection selection) {
    BenchmarkConfig benchmark =
        config.prompt() == null ? shipped : shipped.withPrompt(config.prompt());
    Path folder = Path.of(Objects.requireNonNull(config.dataDir()));
    BenchmarkReader reader = new BenchmarkReader(benchmark, folder);
    List<Question> all =
        reader.questions().stream()
            .map(q -> new Question(q.example().with(config.orientation()), q.fields()))
            .toList();
    return new EvaluationTask(
        name,
        selected(all, config.limit(), selection),
        benchmark.prompt(),
        benchmark.image(),
        config.orientation(),
        benchmark.textTokens(),
        config.decodeOr(benchmark.decode()),
        metrics.isEmpty() ? benchmark.metrics().stream().map(Benchmarks::metric).toList() : metrics,
        benchmark,
        reader.notes(),
        folder);
  }

  private static EvaluationTask ofSource(
      String name,
      SuiteTaskConfig config,
      List<Metric> metrics,
      EvaluatedModel model,
      Selection selection) {
    TaskConfig rows = config.task();
    List<Question> questions = new ArrayList<>();
    try (Task task = Task.open(rows, new TextBudget(model.tokenizer(), model.textTokens()))) {
      boolean few = selection.ids().isEmpty();
      long all = few ? limited(task.size(), config.limit(), selection) : task.size();
      for (long i = 0; i < all; i++) {
        questions.add(question(asked(task.example(i), model), task.row(i), config.prompt()));
      }
    }
    return new EvaluationTask(
        name,
        selected(questions, config.limit(), selection),
        config.prompt() == null
            ? Fingerprint.of((Record) rows.type().withoutPaths()).substring(0, 16)
                + " "
                + rows.fields()
                + (model.taskPrefix() ? "" : " without task prefix")
            : config.prompt(),
        model.image().unvaried(),
        rows.orientation(),
        model.textTokens(),
        config.decodeOr(DecodeConfig.greedy(32)),
        metrics,
        null,
        List.of(),
        null);
  }

  private static Example asked(Example example, EvaluatedModel model) {
    return model.taskPrefix() ? example : TaskPrefix.removed(example);
  }

  private static Question question(Example example, Row row, @Nullable String prompt) {
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    row.fields().properties().forEach(e -> fields.put(e.getKey(), e.getValue()));
    fields.keySet().removeAll(List.of("id", "prefix", "suffix", "references"));
    fields.put(
        "image",
        TextNode.valueOf(
            example.images().stream().map(ImageReference::name).collect(Collectors.joining(" "))));
    Example asked =
        prompt == null
            ? example
            : new Example(
                example.id(),
                example.images(),
                BenchmarkReader.prompt(prompt, example.id(), fields),
                example.suffix(),
                example.references());
    return new Question(asked, fields);
  }

  private static long limited(long size, long limit, Selection selection) {
    long all = limit == 0 ? size : Math.min(size, limit);
    return selection.limit() == 0 ? all : Math.min(all, selection.limit());
  }

  private static List<Question> selected(List<Question> all, long limit, Selection selection) {
    List<Question> chosen =
        selection.ids().isEmpty()
            ? all
            : all.stream().filter(q -> selection.ids().contains(q.example().id())).toList();
    return chosen.subList(0, (int) limited(chosen.size(), limit, selection));
  }

  /** A file of the data folder, if it exists. */
  Optional<Path> file(String name) {
    return Optional.ofNullable(dataFolder).map(d -> d.resolve(name)).filter(Files::isRegularFile);
  }

  /** Name and version of the benchmark; empty for a source. */
  String version() {
    return benchmark == null ? "" : benchmark.name() + " v" + benchmark.version();
  }

  List<Postprocess> postprocess() {
    return benchmark == null ? List.of() : benchmark.postprocess();
  }

  /**
   * Everything that affects the scores except the model and the metric.
   *
   * @param split checksum of the examples
   * @param cut whether prompts were truncated
   * @param precision of the model's computation
   * @param batchSize examples per forward pass
   */
  Protocol protocol(String split, boolean cut, Precision precision, int batchSize) {
    return new Protocol(
        version(),
        prompt,
        decode,
        image,
        orientation,
        benchmark == null || benchmark.frames() == 0
            ? List.of()
            : List.of(benchmark.frames(), benchmark.frameStride()),
        postprocess(),
        cut ? textTokens : null,
        precision,
        precision == Precision.F32 ? null : batchSize,
        split);
  }
}
