package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Logits against the tied embedding table and their cross-entropy, some rows at a time: with 257152
 * tokens the logits of a whole batch would take more memory than the rest of the step. Rows are
 * normalised outputs of the decoder, float32 [R, D].
 */
final class Head {
  /** Logits alive at once by default: 256 MB in float32. */
  static final long LOGITS = 1L << 26;

  private static final String TABLE = "language/embedding";

  private final LanguageConfig config;
  private final Precision precision;
  private final Kernels kernels;
  private final long logits;

  /**
   * A head.
   *
   * @param logits logits alive at once, rounded to whole rows
   */
  Head(LanguageConfig config, Precision precision, Kernels kernels, long logits) {
    this.logits = logits;
    this.config = config;
    this.precision = precision;
    this.kernels = kernels;
  }

  /** Logits, float32 [R, V] in {@code owner}. */
  NDArray logits(NDManager owner, Parameters parameters, NDArray rows) {
    return kernels.array(
        owner,
        "head_logits",
        rows,
        parameters.get(TABLE),
        config.finalSoftcap(),
        Kernels.dtype(precision));
  }

  /**
   * Cross-entropy by row.
   *
   * @param targets int64 [R]
   * @return float32 [R] in {@code owner}
   */
  NDArray losses(
      NDManager owner, Parameters parameters, NDArray rows, NDArray targets, double smoothing) {
    List<NDArray> losses = new ArrayList<>();
    try (NDManager own = owner.newSubManager()) {
      for (NDIndex chunk : chunks(rows.getShape().get(0))) {
        try (NDManager scope = own.newSubManager()) {
          NDArray part =
              kernels.array(
                  own,
                  "head_losses",
                  attached(scope, rows.get(chunk)),
                  parameters.get(TABLE),
                  attached(scope, targets.get(chunk)),
                  smoothing,
                  off(smoothing),
                  config.finalSoftcap(),
                  Kernels.dtype(precision));
          losses.add(part);
        }
      }
      return concatenated(owner, losses);
    }
  }

  /**
   * How targets stand among all tokens.
   *
   * @param targets int64 [R]
   * @return in {@code owner}
   */
  TokenScores scores(NDManager owner, Parameters parameters, NDArray rows, NDArray targets) {
    List<NDArray> logProbabilities = new ArrayList<>();
    List<NDArray> leads = new ArrayList<>();
    try (NDManager own = owner.newSubManager()) {
      for (NDIndex chunk : chunks(rows.getShape().get(0))) {
        try (NDManager scope = own.newSubManager()) {
          List<NDArray> part =
              kernels.arrays(
                  own,
                  "head_scores",
                  attached(scope, rows.get(chunk)),
                  parameters.get(TABLE),
                  attached(scope, targets.get(chunk)),
                  config.finalSoftcap(),
                  Kernels.dtype(precision));
          logProbabilities.add(part.get(0));
          leads.add(part.get(1));
        }
      }
      return new TokenScores(concatenated(owner, logProbabilities), concatenated(owner, leads));
    }
  }

  /** Losses by row, float32 [R], and the gradient of their weighted sum, float32 [R, D]. */
  record LossesAndGradient(NDArray losses, NDArray rowsGradient) {}

  /**
   * Cross-entropy by row and the gradient of its weighted sum.
   *
   * @param targets int64 [R]
   * @param weights float32 [R]
   * @param tableGradient where the table's gradient is added; null if it is frozen
   * @return arrays in {@code owner}
   */
  LossesAndGradient lossesAndGradient(
      NDManager owner,
      Parameters parameters,
      NDArray rows,
      NDArray targets,
      NDArray weights,
      double smoothing,
      @Nullable NDArray tableGradient) {
    List<NDArray> losses = new ArrayList<>();
    List<NDArray> gradients = new ArrayList<>();
    try (NDManager own = owner.newSubManager()) {
      NDArray sum = tableGradient != null ? tableGradient : own.create(new Shape(0));
      for (NDIndex chunk : chunks(rows.getShape().get(0))) {
        try (NDManager scope = own.newSubManager()) {
          List<NDArray> part =
              kernels.arrays(
                  own,
                  "head_losses_and_gradient",
                  attached(scope, rows.get(chunk)),
                  parameters.get(TABLE),
                  attached(scope, targets.get(chunk)),
                  attached(scope, weights.get(chunk)),
                  smoothing,
                  off(smoothing),
                  config.finalSoftcap(),
                  Kernels.dtype(precision),
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
