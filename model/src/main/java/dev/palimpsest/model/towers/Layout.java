package dev.palimpsest.model.towers;

import dev.palimpsest.configs.Segment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The place of each token in the decoder's sequences, viewed as [R*L]. A sequence that is shorter
 * than the longest ends in filler tokens, which only attend to filler, so that no row of attention
 * is empty, and to which no example attends, so that they receive no gradient.
 */
public final class Layout {
  private static final int FILLING = -1;

  private final int rows;
  private final int length;
  private final long[] sources;
  private final long[] imagePlaces;
  private final long[] texts;
  private final long[] textPlaces;
  private final long[] placeOfText; // by index in [B*T], FILLING if a token is left out
  private final long[] segments;
  private final long[] steps;
  private final long[] positions;
  private final long[] imageCounts;

  /**
   * The places of an example in its sequence.
   *
   * @param row the sequence's
   * @param first its first place
   * @param middle the first place after its prefix, the tokens of its first step, which all see
   *     each other
   * @param end the first place after it
   */
  record Span(int row, int first, int middle, int end) {}

  /**
   * Lays out a batch.
   *
   * @param imageTokens tokens of one picture
   * @param maskAr [B*T]: 1 on suffix tokens and padding
   * @param causalFrom the first segment whose every token starts a new step
   */
  public Layout(Sequences sequences, int imageTokens, long[] maskAr, Segment causalFrom) {
    boolean causalText = causalFrom != Segment.SUFFIX;
    boolean causalImage = causalFrom == Segment.IMAGE;
    int examples = sequences.examples();
    int columns = maskAr.length / Math.max(1, examples);
    rows = sequences.count();
    int[] used = new int[rows];
    int pictures = 0;
    int laid = 0;
    for (int b = 0; b < examples; b++) {
      if (sequences.textTokens()[b] > columns) {
        throw new IllegalArgumentException(
            "example %d cannot place %d of its %d text tokens"
                .formatted(b, sequences.textTokens()[b], columns));
      }
      used[sequences.rows()[b]] +=
          sequences.pictures()[b] * imageTokens + sequences.textTokens()[b];
      pictures += sequences.pictures()[b];
      laid += sequences.textTokens()[b];
    }
    length = Arrays.stream(used).max().orElse(0);
    sources = new long[rows * length];
    segments = new long[rows * length];
    steps = new long[rows * length];
    positions = new long[rows * length];
    imageCounts = new long[rows * length];
    imagePlaces = new long[pictures * imageTokens];
    texts = new long[laid];
    textPlaces = new long[laid];
    placeOfText = new long[maskAr.length];
    Arrays.fill(sources, (long) imagePlaces.length + laid);
    Arrays.fill(segments, FILLING);
    Arrays.fill(placeOfText, FILLING);
    Arrays.setAll(positions, i -> i % length);

    Arrays.fill(used, 0);
    int image = 0;
    int text = 0;
    for (int b = 0; b < examples; b++) {
      int row = sequences.rows()[b];
      int start = row * length + used[row];
      int place = start;
      for (int i = 0; i < sequences.pictures()[b] * imageTokens; i++) {
        sources[place] = image;
        steps[place] = causalImage ? i : 0;
        imagePlaces[image++] = place++;
      }
      long step = causalImage ? Math.max(0, place - start - 1) : 0;
      for (int t = 0; t < sequences.textTokens()[b]; t++) {
        int from = b * columns + t;
        step += causalText ? 1 : maskAr[from];
        steps[place] = step;
        sources[place] = (long) imagePlaces.length + text;
        placeOfText[from] = place;
        texts[text] = from;
        textPlaces[text++] = place++;
      }
      for (int i = start; i < place; i++) {
        segments[i] = b;
        positions[i] = (long) i - start;
        imageCounts[i] = (long) sequences.pictures()[b] * imageTokens;
      }
      used[row] += place - start;
    }
  }

  /** The places of all examples that have any, in order. */
  List<Span> spans() {
    List<Span> spans = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      int origin = row * length;
      for (int first = 0; first < length; ) {
        int middle = endOfRun(steps, origin, first, length);
        int end = endOfRun(segments, origin, first, length);
        if (segments[origin + first] != FILLING) {
          spans.add(new Span(row, first, Math.min(middle, end), end));
        }
        first = end;
      }
    }
    return spans;
  }

  /** Where the values of a row, from one on, are no longer the same. */
  private static int endOfRun(long[] values, int origin, int from, int to) {
    int end = from;
    while (end < to && values[origin + end] == values[origin + from]) {
      end++;
    }
    return end;
  }

  /** Number of sequences, R. */
  public int rows() {
    return rows;
  }

  /** Number of tokens of each sequence, L. */
  public int length() {
    return length;
  }

  /**
   * The token at each place, [R*L]: the number of an image token, or that of a placed text token,
   * counted on from there, or, for filler, the number after the last.
   */
  public long[] sources() {
    return sources;
  }

  /** Places of the image tokens, [P*N]. */
  public long[] imagePlaces() {
    return imagePlaces;
  }

  /** The text tokens, as indices in [B*T], that are placed in sequences. */
  public long[] texts() {
    return texts;
  }

  /** Places of these text tokens. */
  public long[] textPlaces() {
    return textPlaces;
  }

  /**
   * Place of a text token.
   *
   * @param text its index in [B*T]
   */
  public long placeOfText(int text) {
    if (placeOfText[text] == FILLING) {
      throw new IllegalArgumentException(
          "text token %d is needed but was left out of the sequences".formatted(text));
    }
    return placeOfText[text];
  }

  /**
   * The example that each place belongs to, [R*L]; tokens of different examples do not see each
   * other.
   */
  long[] segments() {
    return segments;
  }

  /**
   * Sum of the mask from the example's first token on, [R*L]; earlier steps are visible to later
   * ones.
   */
  long[] steps() {
    return steps;
  }

  /**
   * Positions for a window that applies to the suffix alone, [R*L]: a prefix token has position 0,
   * so that no key is too far back for it.
   */
  long[] windowPositions() {
    long[] counted = new long[positions.length];
    for (int i = 0; i < counted.length; i++) {
      counted[i] = steps[i] == 0 ? 0 : positions[i];
    }
    return counted;
  }

  /** How many image tokens each place's example has, [R*L]; 0 for filler. */
  long[] imageCounts() {
    return imageCounts;
  }

  /** Positions, [R*L] or, if they are the same in all sequences, [L]. */
  long[] positions() {
    for (int i = length; i < positions.length; i++) {
      if (positions[i] != positions[i - length]) {
        return positions;
      }
    }
    return Arrays.copyOf(positions, length);
  }
}
