package dev.palimpsest.mixtures.codecs;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Boxes as four of 1024 location tokens, {@code <loc0000>} to {@code <loc1023>}, in the order ymin
 * xmin ymax xmax (big_vision, pp/proj/paligemma/segmentation.py).
 */
public final class LocationTokens {
  /** Number of tokens. */
  public static final int BINS = 1024;

  private static final Pattern FOUR =
      Pattern.compile("<loc(\\d{4})><loc(\\d{4})><loc(\\d{4})><loc(\\d{4})>");

  private LocationTokens() {}

  /** The bin of a coordinate: float32 arithmetic, ties to even, values outside are clamped. */
  public static int bin(double coordinate) {
    float scaled = (float) coordinate * (BINS - 1);
    return (int) Math.max(0, Math.min(BINS - 1, Math.rint(scaled)));
  }

  /** Bins of a box: ymin, xmin, ymax, xmax. */
  public static int[] bins(BoundingBox box) {
    return new int[] {bin(box.top()), bin(box.left()), bin(box.bottom()), bin(box.right())};
  }

  /** {@code <loc0205><loc0102><loc0818><loc0512>}. */
  public static String encode(BoundingBox box) {
    StringBuilder text = new StringBuilder();
    for (int bin : bins(box)) {
      text.append(String.format(Locale.ROOT, "<loc%04d>", bin));
    }
    return text.toString();
  }

  /** The inverse of {@link #bins} as in big_vision's evaluators: bin / 1023. */
  public static BoundingBox decode(int[] bins) {
    return scaled(bins, BINS - 1);
  }

  /**
   * The inverse as in the public demonstration program: bin / 1024, slightly to the top left, so
   * that no box reaches the far edges.
   */
  public static BoundingBox decodeAsDemo(int[] bins) {
    return scaled(bins, BINS);
  }

  private static BoundingBox scaled(int[] bins, double by) {
    return new BoundingBox(bins[0] / by, bins[1] / by, bins[2] / by, bins[3] / by);
  }

  /**
   * The bins of the four tokens at the beginning of a text; empty if it does not begin with four.
   */
  public static Optional<int[]> leading(String text) {
    Matcher matcher = FOUR.matcher(text);
    if (!matcher.lookingAt()) {
      return Optional.empty();
    }
    int[] bins = new int[4];
    for (int i = 0; i < bins.length; i++) {
      bins[i] = Integer.parseInt(matcher.group(i + 1));
      if (bins[i] >= BINS) {
        return Optional.empty();
      }
    }
    return Optional.of(bins);
  }
}
