package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes logits with the tied embedding table and their cross-entropy, some rows at a time: with
 * 257152 tokens the logits of a whole batch would take more memory than the rest of the step. Rows
 * are normalised outputs of the decoder, float32 [R, D].
 */
public final class Head {
  private final LanguageConfig config;
  private final Precision precision;
  private final Kernels kernels;
  private final long logits;

  /**
   * Creates a head.
   *
   * @param logits number of logits in memory at a time, rounded to whole rows
   */
  public Head(LanguageConfig config, Precision precision, Kernels kernels, long logits) {
    this.logits = logits;
    this.config = config;
    this.precision = precision;
    this.kernels = kernels;
  }

  /** The embedding's table, because the head has no parameters of its own. */
  public BlockSpec spec() {
    return new BlockSpec(
        "language",
        "head_logits",
        List.of(Embedding.table(config)),
        List.of(config.finalSoftcap()));
  }

  /** Logits, float32 [R, V] in {@code owner}. */
  public NDArray logits(NDManager owner, Weights weights, NDArray rows) {
    return logits(owner, weights, rows, precision);
  }

  /** The same in a precision other than the model's. */
  public NDArray logits(NDManager owner, Weights weights, NDArray rows, Precision computed) {
    BlockSpec spec = spec();
    try (Weights.Lease lease = weights.take(spec)) {
      return kernels.array(
          owner,
          spec.kernel(),
          rows,
          lease.arrays(),
          config.finalSoftcap(),
          Kernels.dtype(computed));
    }
  }

  /**
   * Cross-entropy by row.
   *
   * @param targets int64 [R]
   * @return float32 [R] in {@code owner}
   */
  public NDArray losses(
      NDManager owner, Weights weights, NDArray rows, NDArray targets, double smoothing) {
    List<NDArray> losses = new ArrayList<>();
    try (NDManager own = owner.newSubManager();
        Weights.Lease lease = weights.take(spec())) {
      for (NDIndex chunk : chunks(rows.getShape().get(0))) {
        try (NDManager scope = own.newSubManager()) {
          NDArray part =
              kernels.array(
                  own,
                  "head_losses",
                  attached(scope, rows.get(chunk)),
                  lease.arrays(),
                  config.finalSoftcap(),
                  Kernels.dtype(precision),
                  attached(scope, targets.get(chunk)),
                  smoothing,
                  off(smoothing));
          losses.add(part);
        }
      }
      return concatenated(owner, losses);
    }
  }

  /**
   * The scores of targets relative to all tokens.
   *
   * @param targets int64 [R]
   * @return in {@code owner}
   */
  public TokenScores scores(NDManager owner, Weights weights, NDArray rows, NDArray targets) {
    List<NDArray> logProbabilities = new ArrayList<>();
    List<NDArray> leads = new ArrayList<>();
    try (NDManager own = owner.newSubManager();
        Weights.Lease lease = weights.take(spec())) {
      for (NDIndex chunk : chunks(rows.getShape().get(0))) {
        try (NDManager scope = own.newSubManager()) {
          List<NDArray> part =
              kernels.arrays(
                  own,
                  "head_scores",
                  attached(scope, rows.get(chunk)),
                  lease.arrays(),
                  config.finalSoftcap(),
                  Kernels.dtype(precision),
                  attached(scope, targets.get(chunk)));
          logProbabilities.add(part.get(0));
          leads.add(part.get(1));
        }
      }
      return new TokenScores(concatenated(owner, logProbabilities), concatenated(owner, leads));
    }
  }

  /** Losses by row, float32 [R], and the gradient of their weighted sum, float32 [R, D]. */
  public record LossesAndGradient(NDArray losses, NDArray rowsGradient) {}

  /**
   * Cross-entropy by row and the gradient of its weighted sum; that of the table is added if it is
   * trained.
   *
   * @param targets int64 [R]
   * @param rowWeights float32 [R]
   * @return arrays in {@code owner}
   */
  public LossesAndGradient lossesAndGradient(
      NDManager owner,
      Weights weights,
      NDArray rows,
      NDArray targets,
      NDArray rowWeights,
      double smoothing) {
    List<NDArray> losses = new ArrayList<>();
    List<NDArray> gradients = new ArrayList<>();
    BlockSpec spec = spec();
    try (NDManager own = owner.newSubManager();
        Weights.Lease lease = weights.take(spec)) {
      NDArray sum = weights.isTrained(spec) ? lease.sum(Embedding.TABLE) : own.create(new Shape(0));
      for (NDIndex chunk : chunks(rows.getShape().get(0))) {
        try (NDManager scope = own.newSubManager()) {
          List<NDArray> part =
              kernels.arrays(
                  own,
                  "head_losses_and_gradient",
                  attached(scope, rows.get(chunk)),
                  lease.arrays(),
                  config.finalSoftcap(),
                  Kernels.dtype(precision),
                  attached(scope, targets.get(chunk)),
                  attached(scope, rowWeights.get(chunk)),
                  smoothing,
                  off(smoothing),
                  sum);
          losses.add(part.get(0));
          gradients.add(part.get(1));
        }
      }
      return new LossesAndGradient(concatenated(owner, losses), concatenated(owner, gradients));
    }
  }

  private NDArray concatenated(NDManager owner, List<NDArray> parts) {
    return kernels.array(owner, "concatenate", parts);
  }

  private static NDArray attached(NDManager scope, NDArray array) {
    array.attach(scope);
    return array;
  }

  private double off(double smoothing) {
    return smoothing / Math.max(1, config.vocabulary() - 1);
  }

  private List<NDIndex> chunks(long rows) {
    long size = Math.max(1, logits / config.vocabulary());
    List<NDIndex> chunks = new ArrayList<>();
    for (long from = 0; from < rows; from += size) {
      chunks.add(new NDIndex(from + ":" + Math.min(rows, from + size)));
    }
    return chunks;
  }
}
