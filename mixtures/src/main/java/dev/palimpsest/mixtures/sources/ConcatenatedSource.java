package dev.palimpsest.mixtures.sources;

import java.util.Arrays;
import java.util.List;

/** Several sources, one after the other; the fingerprint covers theirs in order. */
final class ConcatenatedSource implements ExampleSource {
  private final List<ExampleSource> parts;

  /** The prefix of each part's ids. */
  private final List<String> folders;

  /** Where each part begins, followed by the total size. */
  private final long[] starts;

  /**
   * Wraps other sources, which it closes.
   *
   * @param folders one per part, a prefix for its ids; empty or ending in a slash
   */
  ConcatenatedSource(List<ExampleSource> parts, List<String> folders) {
    this.parts = List.copyOf(parts);
    this.folders = List.copyOf(folders);
    this.starts = new long[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      starts[i + 1] = starts[i] + parts.get(i).size();
    }
  }

  @Override
  public long size() {
    return starts[parts.size()];
  }

  @Override
  public Row row(long index) {
    if (index < 0 || index >= size()) {
      throw new IndexOutOfBoundsException(
          "a source of %d examples has no position %d".formatted(size(), index));
    }
    int found = Arrays.binarySearch(starts, index);
    int part = found >= 0 ? found : -found - 2; // no part is empty, so that starts are distinct
    Row row = parts.get(part).row(index - starts[part]);
    return new Row(folders.get(part) + row.id(), row.images(), row.fields());
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest();
    parts.forEach(part -> digest.add(part.fingerprint()));
    return digest.hex();
  }

  @Override
  public void close() {
    parts.forEach(ExampleSource::close);
  }
}
