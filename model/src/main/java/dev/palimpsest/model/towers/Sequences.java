package dev.palimpsest.model.towers;

import java.util.Arrays;

/**
 * How the examples of a batch are placed in the decoder's sequences. An example consists of its
 * image tokens followed by its text tokens; its positions start at 0, and no other example sees it.
 * Examples may have different numbers of pictures, including none, and several may share a
 * sequence.
 *
 * @param pictures pictures of each example, [B]
 * @param textTokens how many of each example's text tokens, from the first on, are placed in the
 *     sequence, [B]; the rest of the row is padding, which no token before it sees
 * @param rows number of each example's sequence, [B]; numbers count from 0 without gaps, and the
 *     examples of a sequence keep their order
 */
public record Sequences(int[] pictures, int[] textTokens, int[] rows) {
  /** Checks lengths and ranges. */
  public Sequences {
    if (pictures.length != textTokens.length || pictures.length != rows.length) {
      throw new IllegalArgumentException(
          "pictures, text tokens and rows must have one number per example, got %d, %d and %d"
              .formatted(pictures.length, textTokens.length, rows.length));
    }
    int next = 0;
    for (int b = 0; b < rows.length; b++) {
      if (pictures[b] < 0 || textTokens[b] < 1 || rows[b] < 0 || rows[b] > next) {
        throw new IllegalArgumentException(
            "example %d has %d pictures and %d text tokens and is in sequence %d; expected 0 or more, 1 or more, and at most %d"
                .formatted(b, pictures[b], textTokens[b], rows[b], next));
      }
      next = Math.max(next, rows[b] + 1);
    }
  }

  /** Every example in a sequence of its own, its padding included. */
  public static Sequences separate(int[] pictures, int textTokens) {
    int[] texts = new int[pictures.length];
    int[] rows = new int[pictures.length];
    Arrays.fill(texts, textTokens);
    Arrays.setAll(rows, b -> b);
    return new Sequences(pictures, texts, rows);
  }

  /**
   * Several examples per sequence if they fit: each is placed, in order, in the first sequence that
   * has room for it.
   *
   * @param textTokens real text tokens of each example, [B]
   * @param pictureTokens image tokens of one picture
   * @param limit the most tokens of a sequence; a longer example has a sequence of its own
   */
  public static Sequences packed(int[] pictures, int[] textTokens, int pictureTokens, int limit) {
    int[] rows = new int[pictures.length];
    long[] used = new long[pictures.length];
    for (int b = 0; b < pictures.length; b++) {
      long tokens = (long) pictures[b] * pictureTokens + textTokens[b];
      while (used[rows[b]] > 0 && used[rows[b]] + tokens > limit) {
        rows[b]++;
      }
      used[rows[b]] += tokens;
    }
    return new Sequences(pictures, textTokens, rows);
  }

  /** Number of examples, B. */
  public int examples() {
    return rows.length;
  }

  /** Number of sequences, R. */
  public int count() {
    return Arrays.stream(rows).max().orElse(-1) + 1;
  }
}
