package dev.palimpsest.cli.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.eval.decoding.Decoder;
import dev.palimpsest.eval.decoding.Prompts;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.KeyValueCache;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code palimpsest bench eval}: how fast the model answers, and which features make it faster. */
@Command(
    name = "eval",
    mixinStandardHelpOptions = true,
    description = {
      "Times decoding of synthetic prompts with a randomly initialised model, as medians of several runs.",
      "Each gain compares the same work with and without a feature, alternating in one process."
    })
final class BenchEvalCommand implements Callable<Integer> {
  private static final int QUESTIONS = 5; // about a picture, as in VQAv2

  @Spec CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "tiny|small|FILE",
      defaultValue = "tiny",
      description =
          "Sizes: a built-in set, or a YAML file with model, resolution, textTokens, batchSize."
              + " Default: tiny.")
  String config;

  @Option(
      names = "--batch",
      defaultValue = "8",
      description = "Number of prompts decoded together. Default: 8.")
  int batch;

  @Option(
      names = "--new-tokens",
      defaultValue = "16",
      description = "Number of tokens in each answer. Default: 16.")
  int newTokens;

  @Option(
      names = "--precision",
      paramLabel = "f32|bf16",
      defaultValue = "f32",
      description = "Number format of matrices and of their products. Default: f32.")
  Precision precision;

  @Option(
      names = "--runs",
      defaultValue = "5",
      description = "Number of timed runs, after one untimed run. Default: 5.")
  int runs;

  @Mixin ModelBench options;

  @Override
  public Integer call() {
    int used = options.threads();
    ModelBench.requirePositive("--batch", batch);
    ModelBench.requirePositive("--new-tokens", newTokens);
    ModelBench.requirePositive("--runs", runs);
    StepSizes bench = BenchStepCommand.bench(config);
    try (Machine machine = options.open()) {
      double bandwidth = MemoryBandwidth.gigabytes(machine);
      Map<String, Double> seconds =
          new Timed(bench, machine.manager(), machine.kernels()).medians();
      bandwidth = Math.max(bandwidth, MemoryBandwidth.gigabytes(machine));
      report(bench, used, seconds, bandwidth);
    }
    return ExitCode.DONE.code();
  }

  /** The pieces of work that are timed, each with a name. */
  private final class Timed {
    private final VisionLanguageModel model;
    private final Weights weights;
    private final NDManager manager;
    private final Kernels kernels;
    private final int textTokens;
    private final NDArray images;
    private final NDArray text; // as long as prompt and answer
    private final int[] lengths;
    private final Map<String, List<Double>> seconds = new LinkedHashMap<>();

    Timed(StepSizes bench, NDManager manager, Kernels kernels) {
      this.model = Models.of(bench.model(), precision, kernels);
      Parameters drawn = Initialization.random(manager, bench.model(), bench.resolution(), 0);
      this.weights =
          Weights.of(
              precision == Precision.F32
                  ? drawn
                  : drawn.rounded(
                      manager, ParameterSpecs.products(bench.model(), bench.resolution())));
      this.manager = manager;
      this.kernels = kernels;
      this.textTokens = bench.textTokens();
      Random random = new Random(0);
      int side = bench.resolution();
      float[] pixels = new float[batch * side * side * 3];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = random.nextFloat() * 2 - 1;
      }
      images = manager.create(pixels, new Shape(batch, 1, side, side, 3));
      int columns = textTokens + newTokens;
      long[] ids =
          random.longs((long) batch * columns, 3, bench.model().language().vocabulary()).toArray();
      text = manager.create(ids, new Shape(batch, columns));
      lengths = new int[batch];
      Arrays.fill(lengths, textTokens);
    }

    Map<String, Double> medians() {
      run();
      seconds.clear();
      for (int i = 0; i < runs; i++) {
        run();
      }
      Map<String, Double> medians = new LinkedHashMap<>();
      seconds.forEach((name, times) -> medians.put(name, median(times)));
      return medians;
    }

    private void run() {
      try (NDManager scope = manager.newSubManager()) {
        NDArray[] tokens = new NDArray[1];
        time("images", () -> tokens[0] = model.encodeImages(scope, weights, images));
        NDArray prompt = part(scope, text, ":, :" + textTokens);
        KeyValueCache[] cache = new KeyValueCache[1];
        time(
            "prefill",
            () -> cache[0] = model.prefill(scope, weights, tokens[0], prompt, lengths, newTokens));
        // The content does not affect the time: the answer is the made-up text.
        long[][] answer = new long[newTokens][];
        for (int i = 0; i < newTokens; i++) {
          try (NDArray column = text.get(":, " + (textTokens + i))) {
            answer[i] = column.toLongArray();
          }
        }
        time(
            "decode",
            () -> {
              for (long[] next : answer) {
                model.decodeStep(weights, cache[0], next);
              }
            });
        cache[0].close();
        time(
            "decode without cache",
            () -> {
              for (int i = 1; i <= newTokens; i++) {
                int[] longer = new int[batch];
                Arrays.fill(longer, textTokens + i);
                NDArray sequence = part(scope, text, ":, :" + (textTokens + i));
                model.prefill(scope, weights, tokens[0], sequence, longer, 0).close();
              }
            });
        List<Prompts> together = List.of(new Prompts(images, prompt, lengths));
        time("answers", () -> answer(together, true));
        List<Prompts> single = new ArrayList<>();
        for (int row = 0; row < batch; row++) {
          String one = row + ":" + (row + 1);
          single.add(
              new Prompts(
                  part(scope, images, one), part(scope, prompt, one), new int[] {textTokens}));
        }
        time("answers one by one", () -> answer(single, true));
        List<Prompts> questions = new ArrayList<>();
        for (int i = 0; i < QUESTIONS; i++) {
          questions.add(together.get(0));
        }
        time("answers to several questions", () -> answer(questions, true));
        time("answers to several questions, not shared", () -> answer(questions, false));
      }
    }

    private void answer(List<Prompts> batches, boolean share) {
      try (Decoder decoder =
          share ? new Decoder(model, weights, manager) : new Decoder(model, weights, manager, 0)) {
        for (Prompts prompts : batches) {
          decoder.decode(prompts, DecodeConfig.greedy(newTokens), Decoder.Stop.AT_LIMIT);
        }
      }
    }

    private void time(String name, Runnable work) {
      long began = System.nanoTime();
      work.run();
      kernels.await();
      seconds.computeIfAbsent(name, n -> new ArrayList<>()).add((System.nanoTime() - began) / 1e9);
    }
  }

  private static NDArray part(NDManager scope, NDArray array, String index) {
    NDArray part = array.get(index);
    part.attach(scope);
    return part;
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(v -> v).sorted().toArray();
    return (sorted[sorted.length / 2] + sorted[(sorted.length - 1) / 2]) / 2;
  }

  private void report(StepSizes bench, int used, Map<String, Double> seconds, double bandwidth) {
    int imageTokens = bench.model().vision().imageTokens(bench.resolution());
    double prompts = batch;
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("imagesPerSecond", prompts / at(seconds, "images"));
    figures.put(
        "prefillTokensPerSecond",
        prompts * (imageTokens + bench.textTokens()) / at(seconds, "prefill"));
    figures.put("decodeTokensPerSecond", prompts * newTokens / at(seconds, "decode"));
    // A step reads every block of the decoder and the table, whose rows are the head's.
    Map<ModelCost.Part, Long> parameters =
        new ModelCost(bench.model(), bench.resolution(), Precision.F32).parameters();
    long read =
        (parameters.getOrDefault(ModelCost.Part.DECODER, 0L)
                + parameters.getOrDefault(ModelCost.Part.EMBEDDING, 0L))
            * precision.bytes();
    double gigabytes = read * (double) newTokens / at(seconds, "decode") / 1e9;
    figures.put("decodeGigabytesPerSecond", gigabytes);
    figures.put("readGigabytesPerSecond", bandwidth);
    figures.put("decodeShareOfBandwidth", gigabytes / bandwidth);
    figures.put("answersPerSecond", prompts / at(seconds, "answers"));
    figures.put("gainOfCache", ratio(seconds, "decode without cache", "decode"));
    figures.put("gainOfBatching", ratio(seconds, "answers one by one", "answers"));
    figures.put(
        "gainOfSharedImageFeatures",
        ratio(seconds, "answers to several questions, not shared", "answers to several questions"));

    PrintWriter out = options.table(spec);
    out.printf(
        Locale.ROOT,
        "config %s, %s, %d threads: batch %d, %d image + %d text tokens, %d new tokens; medians of"
            + " %d runs%n",
        config,
        ConfigYaml.word(precision),
        used,
        batch,
        imageTokens,
        bench.textTokens(),
        newTokens,
        runs);
    line(out, figures, "imagesPerSecond", "images/s", "image tower and connector");
    line(out, figures, "prefillTokensPerSecond", "prefill tokens/s", "image and prompt tokens");
    line(out, figures, "decodeTokensPerSecond", "decode tokens/s", "one step per token, all rows");
    out.printf(
        Locale.ROOT,
        "%-30s %10.2f  (GB/s of weights; reading memory alone: %.2f GB/s, so %.0f %%)%n",
        "decode reads",
        gigabytes,
        bandwidth,
        100 * gigabytes / bandwidth);
    line(out, figures, "answersPerSecond", "answers/s", "picture, prompt and answer");
    line(
        out,
        figures,
        "gainOfCache",
        "gain of the cache",
        "against recomputing everything for each token");
    line(out, figures, "gainOfBatching", "gain of batching", "against one prompt at a time");
    line(
        out,
        figures,
        "gainOfSharedImageFeatures",
        "gain of shared image features",
        QUESTIONS + " questions per picture, against encoding it for each");
    out.flush();
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("config", config);
    all.put("precision", ConfigYaml.word(precision));
    all.put("threads", used);
    all.put("batch", batch);
    all.put("imageTokens", imageTokens);
    all.put("textTokens", bench.textTokens());
    all.put("newTokens", newTokens);
    all.put("runs", runs);
    all.putAll(figures);
    all.put("medianSeconds", seconds);
    options.tell(spec, all);
  }

  private static void line(
      PrintWriter out, Map<String, Double> figures, String key, String name, String what) {
    out.printf(Locale.ROOT, "%-30s %10.2f  (%s)%n", name, at(figures, key), what);
  }

  private static double ratio(Map<String, Double> seconds, String without, String with) {
    return at(seconds, without) / at(seconds, with);
  }

  private static double at(Map<String, Double> values, String key) {
    return values.getOrDefault(key, Double.NaN);
  }
}
