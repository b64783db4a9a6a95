package dev.palimpsest.cli.certify;

/**
 * How far a quantity may be from its reference. The references are computed in float64 and rounded
 * to float32, so an error is this program's own. Each limit allows float32 a factor of at least
 * three and is far below the effect of typical mistakes (a wrong GELU 3e-4, a wrong mask 1e0).
 *
 * @param limit largest allowed error
 * @param measure how the error is measured, as shown in the table: {@code d} is the difference,
 *     {@code x} the reference
 */
record Tolerance(double limit, String measure) {
  /** Weights, tokens, masks: nothing is computed, so nothing may differ. */
  static final Tolerance EXACT = new Tolerance(0, "elements that differ");

  /** Features, hidden states, logits: float32 rounding grows with the largest element. */
  static final Tolerance ACTIVATION = new Tolerance(1e-4, "max|d| / max|x|");

  /** Losses: means of many terms, so rounding averages out. */
  static final Tolerance LOSS = new Tolerance(1e-5, "|d| / |x|");

  /** Log-probabilities of targets: differences of logits, absolute. */
  static final Tolerance LOG_PROBABILITY = new Tolerance(3e-4, "max|d|");

  /** Gradients, each tensor by itself: soft-caps and norms amplify rounding on the way back. */
  static final Tolerance GRADIENT = new Tolerance(1e-3, "max|d| / max|x|");

  /** Tensors whose largest gradient is below this are rounding noise (a key's bias). */
  static final double NO_GRADIENT = 1e-6;

  /** Global gradient norm: dominated by the large, well-determined elements. */
  static final Tolerance GRADIENT_NORM = new Tolerance(3e-4, "|d| / |x|");

  /**
   * Adam's first step is g / (|g| + eps), whose sign is noise if |g| is: in that case one whole
   * step in the wrong direction is allowed, otherwise 2e-3 of a step and float32's rounding of the
   * parameter.
   */
  static final Tolerance FIRST_STEP = new Tolerance(1, "max|d| / allowance");

  /**
   * The same from this program's own float32 gradients. If |g| is within some powers of ten of eps,
   * the step also propagates the gradient's error, with the factor eps / (|g| + eps)^2; this much
   * more is allowed, for the measured error of the tensor's gradient.
   */
  static final Tolerance OWN_FIRST_STEP =
      new Tolerance(1, "max|d| / (allowance + gradient's error)");

  /**
   * A gradient element below this fraction of its tensor's largest is noise for Adam's first step.
   */
  static final double NOISE_OF_TENSOR = 1e-4;

  /** So is one below this fraction of the largest of all gradients. */
  static final double NOISE_OF_ALL = 1e-6;

  /** Losses over six steps: noise in tiny gradients has changed some parameters. */
  static final Tolerance TRAINING_LOSS = new Tolerance(1e-3, "max|d| / |x|");

  /** Norms of gradients and updates over six steps, for the same reason. */
  static final Tolerance TRAINING_NORM = new Tolerance(1e-2, "max|d| / |x|");

  /** Norm of all parameters: steps are small beside it. */
  static final Tolerance PARAMETER_NORM = new Tolerance(1e-4, "max|d| / |x|");

  /** Log-probabilities along a decoded sequence: each step's cache adds its rounding. */
  static final Tolerance DECODED_LOG_PROBABILITY = new Tolerance(1e-3, "max|d|");

  /** Resampled position embeddings: one interpolation in float32. */
  static final Tolerance RESAMPLED = new Tolerance(1e-5, "max|d|");

  /** Schedules and optimizer steps on given gradients: a few float32 operations. */
  static final Tolerance ELEMENTWISE = new Tolerance(1, "max|d| / (1e-7 + 1e-5 |x|)");

  /** Resized pixels before the cast: TensorFlow computes sample positions in float32. */
  static final Tolerance RESIZED_FLOAT = new Tolerance(3e-3, "max|d|, levels");

  /** Truncated levels: truncation turns rounding noise into one level if a value is whole. */
  static final Tolerance TRUNCATED = new Tolerance(1, "max|d|, levels");

  /** PNG levels are stored as they are, and Pillow's bicubic is integer arithmetic. */
  static final Tolerance LEVELS_EXACT = new Tolerance(0, "max|d|, levels");

  /** The share of truncated levels that may differ by one level. */
  static final Tolerance TRUNCATED_SHARE = new Tolerance(0.05, "share that differs");

  /** Levels to [-1, 1]: one float32 operation. */
  static final Tolerance PIXEL = new Tolerance(1e-6, "max|d|");

  /** JPEG decoders differ in their inverse transform and in chroma interpolation. */
  static final Tolerance JPEG = new Tolerance(3, "max|d|, levels");

  /** Deviation of rows drawn with deviation 0.02: within this distance of it. */
  static final Tolerance DRAWN_DEVIATION = new Tolerance(0.003, "|d|");

  /** Mean of n drawn values, in units of 0.02 / sqrt(n): five such units cannot occur by chance. */
  static final Tolerance DRAWN_MEAN = new Tolerance(5, "|mean| sqrt(n) / 0.02");
}
