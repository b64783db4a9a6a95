package dev.palimpsest.cli.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.files.Escape;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The figures of {@code bench all} as Markdown: a table of the machine and one for each part that
 * was measured. What was not measured is a dash; why stands below the table.
 */
final class BenchTable {
  static final String OURS = "ours";
  static final String EAGER = "eager";
  static final String COMPILED = "compiled";
  static final String DATA = "data";
  static final String CHECKPOINT = "checkpoint";

  private static final String NONE = "–";
  private static final String FAILED = "failed";
  private static final double GIBI = 1L << 30;
  private static final double MEBI = 1L << 20;

  private final Map<String, Measured> results;
  private final Measured facts;
  private final int steps;
  private final int threads;
  private final StringBuilder text = new StringBuilder();
  private final List<String> notes = new ArrayList<>();

  /**
   * A table of results.
   *
   * @param results by the keys that {@link #step}, {@link #eval} and the constants give
   * @param facts as from {@code doctor --json}
   * @param steps timed
   * @param threads of steps and decoding
   */
  BenchTable(Map<String, Measured> results, Measured facts, int steps, int threads) {
    this.results = results;
    this.facts = facts;
    this.steps = steps;
    this.threads = threads;
  }

  /** The key of a step's result. */
  static String step(String size, String precision, String kind) {
    return String.join("/", "step", size, precision, kind);
  }

  /** The key of decoding's result. */
  static String eval(String precision) {
    return "eval/" + precision;
  }

  /** A number with three figures, or all of those before the point. */
  static String number(double value) {
    if (Double.isNaN(value)) {
      return NONE;
    }
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }

  /**
   * The whole text.
   *
   * @param seconds that everything took
   * @param sizes of the steps
   * @param peer null if none was wanted
   */
  String markdown(
      LocalDate date,
      double seconds,
      Map<String, StepSizes> sizes,
      List<Precision> precisions,
      @Nullable PyTorchPeer peer) {
    machine(date, seconds, peer);
    List<String> numbers = precisions.stream().map(ConfigYaml::word).toList();
    if (results.keySet().stream().anyMatch(key -> key.startsWith("step/"))) {
      steps(sizes, numbers, peer);
    }
    if (results.containsKey(DATA)) {
      data();
    }
    if (results.containsKey(eval(numbers.get(0)))) {
      decoding(numbers);
    }
    if (results.containsKey(CHECKPOINT)) {
      checkpoint();
    }
    return text.toString();
  }

  // ---- the machine

  private void machine(LocalDate date, double seconds, @Nullable PyTorchPeer peer) {
    header("| `bench all` | |", "|---|---|");
    line("date", "%s, %.0f s in all".formatted(date, seconds));
    if (facts.succeeded()) {
      line(
          "machine",
          "%s, %s processors, %s GiB of memory, %s"
              .formatted(
                  fact("processor", "name"),
                  fact("processor", "count"),
                  number(facts.figures().path("memory").path("total").asDouble() / GIBI),
                  fact("processor", "system")));
      line("matrix instructions for bf16", bf16Instructions(fact("engine", "vector instructions")));
      line(
          "versions",
          "JDK %s (%s), %s with oneDNN %s and MKL %s, DJL %s"
              .formatted(
                  fact("java", "version"),
                  fact("java", "vendor"),
                  fact("engine", "engine"),
                  fact("engine", "onednn"),
                  fact("engine", "mkl"),
                  fact("engine", "djl")));
      String limits = fact("engine", "instruction limits");
      if (!limits.isEmpty()) {
        fact("instruction limits", limits);
      }
      line(
          "commit",
          "%s (version %s)".formatted(fact("palimpsest", "commit"), fact("palimpsest", "version")));
    } else {
      line("machine", "unknown: " + facts.failure());
    }
    line("threads", "" + threads);
    if (peer != null) {
      line(
          "peer",
          peer.lack().isEmpty() ? "PyTorch " + peer.version() : "not measured: " + peer.lack());
    }
  }

  private void line(String name, String value) {
    row(name, Escape.markdown(value));
  }

  private String fact(String part, String name) {
    return facts.figures().path(part).path(name).asText("");
  }

  /**
   * Instructions for products of bfloat16 matrices, best first.
   *
   * @param flags as Linux names them
   */
  static String bf16Instructions(String flags) {
    List<String> all = List.of(flags.split(" "));
    List<String> known =
        Stream.of("amx_bf16", "avx512_bf16", "avx_bf16", "bf16").filter(all::contains).toList();
    return known.isEmpty() ? "none" : String.join(", ", known);
  }

  // ---- steps

  private void steps(
      Map<String, StepSizes> sizes, List<String> numbers, @Nullable PyTorchPeer peer) {
    paragraph(
        ("One training step, medians of %d. Memory is the most resident memory of the process. The last two columns compare us with"
                + " the faster of the two peers: its time over ours, and our memory over its.")
            .formatted(steps));
    header(
        "| step | | seconds | of the GEMM peak | GEMM peak, GFLOP/s | GiB | PyTorch eager, s | GiB | compiled, s | GiB | faster by | memory |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (String size : sizes.keySet()) {
      for (String precision : numbers) {
        Measured ours = result(step(size, precision, OURS), size + ", " + precision);
        Measured eager = result(step(size, precision, EAGER), size + ", " + precision + ", eager");
        Measured compiled =
            result(step(size, precision, COMPILED), size + ", " + precision + ", compiled");
        Measured faster =
            eager.figure("secondsPerStep") <= compiled.figure("secondsPerStep")
                    || !compiled.succeeded()
                ? eager
                : compiled;
        row(
            Escape.markdown(size),
            precision,
            time(ours),
            percent(ours.figure("shareOfGemmPeak")),
            number(ours.figure("gemmPeakGigaflopsPerSecond")),
            memory(ours),
            time(eager),
            memory(eager),
            time(compiled),
            memory(compiled),
            ratio(faster.figure("secondsPerStep") / ours.figure("secondsPerStep")),
            ratio(ours.figure("peakMemoryBytes") / faster.figure("peakMemoryBytes")));
      }
    }
    sizes.forEach(
        (size, bench) -> {
          String lack = PyTorchPeer.lackFor(bench);
          if (!lack.isEmpty()) {
            notes.add(size + ": PyTorch was not measured, " + lack + ".");
          }
        });
    if (peer != null && !peer.lack().isEmpty()) {
      notes.add("PyTorch was not measured: " + peer.lack() + ".");
    } else if (peer != null && !peer.compilerLack().isEmpty()) {
      notes.add("Compiled PyTorch was not measured: " + peer.compilerLack() + ".");
    }
    endOfTable();
  }

  private static String time(Measured measured) {
    return figure(measured, "secondsPerStep");
  }

  private static String figure(Measured measured, String name) {
    return measured.succeeded() || measured.equals(Measured.NONE)
        ? number(measured.figure(name))
        : FAILED;
  }

  private static String memory(Measured measured) {
    return number(measured.figure("peakMemoryBytes") / GIBI);
  }

  private static String ratio(double value) {
    return Double.isNaN(value) ? NONE : String.format(Locale.ROOT, "%.2fx", value);
  }

  private static String percent(double share) {
    return Double.isNaN(share) ? NONE : String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  // ---- the other parts

  private void data() {
    Measured measured = result(DATA, "pictures");
    paragraph(
        "Pictures, from JPEG files of 640x480 to ready batches, images/s; in parentheses: over the peer's.");
    header(
        "| pixels | threads | the JDK's decoder | libjpeg-turbo | Pillow + numpy |",
        "|---:|---:|---:|---:|---:|");
    if (!measured.succeeded()) {
      row("all", NONE, FAILED, NONE, NONE);
    }
    for (JsonNode line : measured.figures().path("lines")) {
      double peer = line.path("pillow").asDouble(Double.NaN);
      row(
          line.path("resolution").asText(),
          line.path("threads").asText(),
          rate(line.path("jdk").asDouble(Double.NaN), peer),
          rate(line.path("libjpegTurbo").asDouble(Double.NaN), peer),
          number(peer));
      if (Double.isNaN(peer) && notes.isEmpty()) {
        notes.add(
            "Pillow was not measured: 'peers/torch.sh' installs it, or --python names a Python with PyTorch, Pillow and numpy.");
      }
    }
    endOfTable();
  }

  private static String rate(double ours, double peer) {
    return number(ours) + (Double.isNaN(ours / peer) ? "" : " (" + ratio(ours / peer) + ")");
  }

  private void decoding(List<String> numbers) {
    paragraph(
        "Decoding, medians of several runs; the gains compare the same work with and without a feature.");
    header(
        "| decoding | | batch | images/s | prefill tokens/s | decoded tokens/s | of the memory's bandwidth | answers/s"
            + " | gain of the cache | of batching | of shared pictures |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (String precision : numbers) {
      Measured measured = result(eval(precision), "decoding, " + precision);
      row(
          Escape.markdown(measured.figures().path("config").asText(NONE)),
          precision,
          measured.figures().path("batch").asText(NONE),
          figure(measured, "imagesPerSecond"),
          number(measured.figure("prefillTokensPerSecond")),
          number(measured.figure("decodeTokensPerSecond")),
          percent(measured.figure("decodeShareOfBandwidth")),
          number(measured.figure("answersPerSecond")),
          ratio(measured.figure("gainOfCache")),
          ratio(measured.figure("gainOfBatching")),
          ratio(measured.figure("gainOfSharedImageFeatures")));
    }
    endOfTable();
  }

  private void checkpoint() {
    Measured measured = result(CHECKPOINT, "checkpoint");
    paragraph(
        "Import, verification, saving and export at the size "
            + Escape.code(measured.figures().path("config").asText(NONE))
            + ", against a plain copy of the same bytes in the same run.");
    header(
        "| checkpoint | GB | seconds | MB/s | share of a copy's rate | private MiB |",
        "|---|---:|---:|---:|---:|---:|");
    if (!measured.succeeded()) {
      row("all", NONE, FAILED, NONE, NONE, NONE);
    }
    measured
        .figures()
        .path("operations")
        .properties()
        .forEach(
            operation -> {
              JsonNode of = operation.getValue();
              double bytes = of.path("bytes").asDouble();
              double seconds = of.path("seconds").asDouble();
              row(
                  operation.getKey(),
                  number(bytes / 1e9),
                  number(seconds),
                  number(bytes / 1e6 / seconds),
                  percent(of.path("shareOfCopy").asDouble()),
                  number(of.path("privateBytes").asDouble(Double.NaN) / MEBI));
            });
    endOfTable();
  }

  // ---- Markdown

  /** A result; a failure is noted below the table. */
  private Measured result(String key, String title) {
    Measured measured = results.get(key);
    if (measured == null) {
      return Measured.NONE;
    }
    if (!measured.succeeded()) {
      notes.add(title + ": failed, " + measured.failure());
    }
    return measured;
  }

  private void paragraph(String words) {
    text.append('\n').append(words).append("\n\n");
  }

  private void header(String names, String alignment) {
    text.append(names).append('\n').append(alignment).append('\n');
  }

  private void row(String... cells) {
    for (String cell : cells) {
      text.append("| ").append(cell).append(' ');
    }
    text.append("|\n");
  }

  private void endOfTable() {
    if (!notes.isEmpty()) {
      text.append('\n');
      notes.forEach(note -> text.append("- ").append(Escape.markdown(note)).append('\n'));
      notes.clear();
    }
  }
}
