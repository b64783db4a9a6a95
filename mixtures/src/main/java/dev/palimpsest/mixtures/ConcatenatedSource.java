package dev.palimpsest.mixtures;

import java.util.Arrays;
import java.util.List;

/** Several sources one after the other; the fingerprint is that of all of theirs in order. */
final class ConcatenatedSource implements ExampleSource {
  private final List<ExampleSource> parts;

  /** Where each part begins, and at last the whole size. */
  private final long[] starts;

  ConcatenatedSource(List<ExampleSource> parts) {
    this.parts = List.copyOf(parts);
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
    return parts.get(part).row(index - starts[part]);
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
