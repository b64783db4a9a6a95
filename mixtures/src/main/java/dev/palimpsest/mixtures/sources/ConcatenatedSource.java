package dev.palimpsest.mixtures.sources;

import java.util.Arrays;
import java.util.List;

/** Several sources one after the other; the fingerprint is that of all of theirs in order. */
final class ConcatenatedSource implements ExampleSource {
  private final List<ExampleSource> parts;

  /** What each part's ids begin with. */
  private final List<String> folders;

  /** Where each part begins, and at last the whole size. */
  private final long[] starts;

  /**
   * A source over others, which it closes.
   *
   * @param folders one a part, which its ids begin with from now on; empty or ending in a slash
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
