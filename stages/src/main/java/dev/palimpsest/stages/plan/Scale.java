package dev.palimpsest.stages.plan;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.ModelCost.Use;
import dev.palimpsest.configs.Precision;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Memory and communication of a training step on many GPUs, from formulas and specified bandwidths:
 * what docs/scale.md shows. Nothing here is measured.
 *
 * @param model the model
 * @param resolution of its pictures
 * @param gpus in all
 * @param microBatch examples of each GPU at a time
 * @param batch examples of a step
 */
record Scale(ModelConfig model, int resolution, int gpus, int microBatch, int batch) {
  /** GPUs that NVLink connects. */
  static final int NODE = 8;

  /** H100 SXM: 900 GB/s of NVLink in both directions together. */
  static final double NVLINK = 450e9;

  /** One port of 400 Gbit/s a GPU. */
  static final double NETWORK = 50e9;

  /** Share of a bandwidth that collectives reach on large buffers. An assumption. */
  static final double REACHED = 0.8;

  /** Share of the peak that model operations reach. An assumption. */
  static final double MFU = 0.4;

  /** Dense bfloat16 operations a second of an H100 SXM. */
  static final double PEAK = 989.4e12;

  static final long MEMORY = 80L << 30;

  /** What the libraries and fragmentation keep for themselves. */
  static final long RESERVED = 6L << 30;

  private static final int TEXT = 128;
  private static final int FLOAT = 4;

  /** Adam's two moments in float32. */
  private static final int MOMENTS = 8;

  /** How the state is divided: between which GPUs, and which of it. */
  enum Layout {
    REPLICATED("replicated", Sharding.REPLICATED, false),
    ZERO1("ZeRO-1", Sharding.ZERO1, false),
    ZERO2("ZeRO-2", Sharding.ZERO2, false),
    HYBRID("ZeRO-3 in a node", Sharding.ZERO3, true),
    ZERO3("ZeRO-3", Sharding.ZERO3, false);

    private final String words;
    private final Sharding sharding;
    private final boolean inNode;

    Layout(String words, Sharding sharding, boolean inNode) {
      this.words = words;
      this.sharding = sharding;
      this.inNode = inNode;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /**
   * A layout's needs.
   *
   * @param memory bytes at a step's highest on each GPU, with what is reserved
   * @param sent bytes that a GPU sends in a step
   * @param seconds of that, at the bandwidths reached, if nothing is hidden behind computing
   * @param computing seconds of a step
   */
  record Needs(Layout layout, long memory, double sent, double seconds, double computing) {
    boolean fits() {
      return memory <= MEMORY;
    }

    /** Share of a step that would be waiting if half of the communication were hidden. */
    double waiting() {
      return seconds / 2 / (computing + seconds / 2);
    }
  }

  private int micros() {
    return Math.max(1, batch / (gpus * microBatch));
  }

  Needs needs(Layout layout) {
    ModelCost cost = new ModelCost(model, resolution, Precision.BF16);
    ModelCost.Pass pass = cost.pass(microBatch, TEXT);
    long parameters = cost.parameterCount();
    Map<Use, Long> uses = cost.trainingBytes(pass, parameters, MOMENTS, 0, ModelCost.logits(true));
    int over = layout.inNode ? Math.min(NODE, gpus) : gpus;
    long memory = RESERVED;
    for (Map.Entry<Use, Long> use : uses.entrySet()) {
      memory += layout.sharding.divides(use.getKey()) ? use.getValue() / over : use.getValue();
    }
    if (layout.sharding.divides(Use.PARAMETERS)) {
      // The largest part that is gathered at a time: the table, or a block of the decoder; and its
      // gradient before it is reduced.
      Map<ModelCost.Part, Long> parts = cost.parameters();
      long block = parts.getOrDefault(ModelCost.Part.DECODER, 0L) / model.language().depth();
      long table = parts.getOrDefault(ModelCost.Part.EMBEDDING, 0L);
      memory += 2 * FLOAT * Math.max(block, table);
    }
    double bytes = (double) FLOAT * parameters;
    double inNode = share(Math.min(NODE, gpus));
    double sentOnNvlink = 0;
    double sentOnNetwork = 0;
    double perStep =
        switch (layout) {
          case REPLICATED -> 2; // all-reduce of the gradients
          case ZERO1, ZERO2 -> 2; // reduce-scatter of the gradients, all-gather of the parameters
          // Parameters are gathered forward and backward, gradients reduced, for each micro batch.
          case HYBRID, ZERO3 -> 3 * micros();
        };
    if (layout.inNode) {
      sentOnNvlink = perStep * inNode * bytes;
      // The shards' gradients are then summed over the nodes, once a step.
      sentOnNetwork = gpus > NODE ? 2 * share(gpus / NODE) * bytes / NODE : 0;
    } else if (gpus > NODE) {
      sentOnNetwork = perStep * share(gpus) * bytes;
    } else {
      sentOnNvlink = perStep * inNode * bytes;
    }
    double seconds = (sentOnNvlink / NVLINK + sentOnNetwork / NETWORK) / REACHED;
    double computing = cost.flops(pass, 0).withoutRecomputation() * micros() / (PEAK * MFU);
    return new Needs(layout, memory, sentOnNvlink + sentOnNetwork, seconds, computing);
  }

  /** Of n in a ring, each sends all but one of n parts. */
  private static double share(int n) {
    return (n - 1.0) / n;
  }

  /**
   * Of the layouts that fit, the one that waits least; of equals the simplest. Empty if none fits.
   */
  List<Needs> best() {
    List<Needs> fitting = new ArrayList<>();
    for (Layout layout : Layout.values()) {
      Needs needs = needs(layout);
      if (needs.fits()) {
        fitting.add(needs);
      }
    }
    fitting.sort(Comparator.comparingDouble(needs -> Math.round(1000 * needs.waiting())));
    return fitting.isEmpty() ? List.of() : List.of(fitting.get(0));
  }

  /** A line of the table in Markdown. */
  String line(String name) {
    StringBuilder line = new StringBuilder();
    line.append(
        "| %s | %d | %d | %d x %d |".formatted(name, resolution, gpus, micros(), microBatch));
    for (Layout layout : Layout.values()) {
      Needs needs = needs(layout);
      line.append(
          String.format(
              Locale.ROOT,
              needs.fits() ? " %.0f, %.1f |" : " (%.0f), %.1f |",
              needs.memory / (double) (1 << 30),
              needs.sent / 1e9));
    }
    List<Needs> best = best();
    return line
        + (best.isEmpty()
            ? " none |"
            : String.format(
                Locale.ROOT, " %s, %.0f %% |", best.get(0).layout, 100 * best.get(0).waiting()));
  }
}
