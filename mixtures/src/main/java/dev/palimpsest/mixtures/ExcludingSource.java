package dev.palimpsest.mixtures;

import dev.palimpsest.mixtures.sources.Digest;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.Row;
import java.util.Arrays;

/**
 * A source without some of its rows. The remaining rows keep their order and are renumbered without
 * gaps, so that a pure function of (size, position) remains one. Thread-safe.
 */
final class ExcludingSource implements ExampleSource {
  private final ExampleSource source;

  /** Ascending. */
  private final long[] excluded;

  /**
   * Wraps another source, which it closes.
   *
   * @param excluded positions in the other, ascending, each once
   */
  ExcludingSource(ExampleSource source, long[] excluded) {
    this.source = source;
    this.excluded = excluded.clone();
  }

  @Override
  public long size() {
    return source.size() - excluded.length;
  }

  @Override
  public Row row(long index) {
    if (index < 0 || index >= size()) {
      throw new IndexOutOfBoundsException(
          "there is no position %d: %d rows are left".formatted(size(), index));
    }
    return source.row(original(index));
  }

  /** The position plus the number of excluded rows before it. */
  @Override
  public long original(long n) {
    // excluded[k] - k rows are kept before excluded[k], which never decreases with k.
    int low = 0;
    int high = excluded.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (excluded[middle] - middle <= n) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return n + low;
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest().add("excluding 1", source.fingerprint());
    Arrays.stream(excluded).forEach(digest::add);
    return digest.hex();
  }

  @Override
  public void close() {
    source.close();
  }
}
