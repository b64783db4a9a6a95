package dev.palimpsest.mixtures.duplicates;

/**
 * One of several parts of equal size, so that each can be worked on by another process.
 *
 * @param index from 0
 * @param of number of parts
 */
public record Part(int index, int of) {
  /** Everything. */
  public static final Part WHOLE = new Part(0, 1);

  /** Checks that the part is one of them. */
  public Part {
    if (of < 1 || index < 0 || index >= of) {
      throw new IllegalArgumentException(
          of < 1
              ? "part %d of %d: there must be at least one part".formatted(index, of)
              : "part %d of %d: parts are numbered from 0 to %d".formatted(index, of, of - 1));
    }
  }

  /** The part's first position of {@code size}. */
  long begin(long size) {
    return Math.multiplyExact(size, (long) index) / of;
  }

  /** The position after its last one. */
  long end(long size) {
    return index + 1 == of ? size : new Part(index + 1, of).begin(size);
  }
}
