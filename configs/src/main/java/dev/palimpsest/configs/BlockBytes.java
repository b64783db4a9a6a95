package dev.palimpsest.configs;

/**
 * About what one block of a model holds while it is trained, in bytes; counted from the arrays that
 * its kernel keeps (model/kernels, {@code vision.py} and {@code language.py}).
 *
 * @param activations that autograd keeps from the forward to the backward pass
 * @param rounded its weights in bfloat16, which its graph keeps beside the float32 masters; 0 in
 *     float32
 * @param backward what its backward pass holds beside the graph: gradients of the results of its
 *     products
 */
public record BlockBytes(long activations, long rounded, long backward) {
  private static final long FLOAT = 4;

  /** Up to so many tokens attention in float32 is written out, as {@code attend} does on a CPU. */
  private static final long WRITTEN_OUT = 1024;

  /** A block without weights that are rounded, and with a gradient for each activation. */
  static BlockBytes of(long activations) {
    return new BlockBytes(activations, 0, activations);
  }

  /** A block of an image tower; {@code tokens} of all pictures. */
  public static BlockBytes of(VisionConfig v, long tokens, Precision precision) {
    long d = v.width();
    long m = v.mlpWidth();
    return new BlockBytes(
        // The residual stream is in float32 in every precision.
        tokens * (FLOAT * d + precision.bytes() * (9 * d + 2 * m)),
        rounded(4 * d * d + 2 * d * m, precision),
        precision.bytes() * tokens * (5 * d + m));
  }

  /** A block of the decoder. */
  public static BlockBytes of(LanguageConfig l, long sequences, long length, Precision precision) {
    long d = l.width();
    long m = l.mlpWidth();
    long queries = (long) l.heads() * l.headDim();
    long keys = (long) l.keyValueHeads() * l.headDim();
    long tokens = sequences * length;
    // Of attention's [length, length] matrices, a head's graph keeps so many, in float32.
    long matrices =
        l.attentionSoftcap() > 0 ? 3 : precision == Precision.F32 && length <= WRITTEN_OUT ? 2 : 0;
    long row = l.heads() * length;
    // What norms are given and the residual stream are in float32 in every precision.
    long float32 = 3 * d + matrices * row;
    long others = 4 * d + 4 * m + (matrices > 0 ? 5 : 8) * queries + 6 * keys;
    long gradients = precision.bytes() * (4 * d + 2 * m + 2 * queries + 2 * keys);
    return new BlockBytes(
        tokens * (FLOAT * float32 + precision.bytes() * others),
        rounded(d * (2 * queries + 2 * keys + 3 * m), precision),
        tokens * (gradients + (matrices > 0 ? FLOAT * row : 0)));
  }

  private static long rounded(long weights, Precision precision) {
    return precision == Precision.BF16 ? precision.bytes() * weights : 0;
  }

  /** What its graph keeps. */
  public long graph() {
    return activations + rounded;
  }
}
