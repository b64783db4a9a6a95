package dev.palimpsest.mixtures.sources;

import java.util.Arrays;

/** A growing list of ranges of a file, each belonging to one of many owners, at last by owner. */
final class Places {
  private long[] starts = new long[1024];
  private int[] lengths = new int[1024];
  private int[] owners = new int[1024];
  private int count;

  void add(int owner, long start, int length) {
    if (count == starts.length) {
      starts = Arrays.copyOf(starts, 2 * count);
      lengths = Arrays.copyOf(lengths, 2 * count);
      owners = Arrays.copyOf(owners, 2 * count);
    }
    starts[count] = start;
    lengths[count] = length;
    owners[count++] = owner;
  }

  /**
   * Sorted by owner, within one in the order in which they came.
   *
   * @param first index of each owner's first range, and at last their number
   */
  record ByOwner(int[] first, long[] starts, int[] lengths) {
    int count(int owner) {
      return first[owner + 1] - first[owner];
    }

    /** Refuses an owner with more bytes than are read at once. */
    void requireWithin(int owner, long most) {
      long bytes = 0;
      for (int i = first[owner]; i < first[owner + 1]; i++) {
        bytes += lengths[i];
      }
      if (bytes > most) {
        throw new IllegalArgumentException(
            "what is said of it takes %d bytes; %d at most are read".formatted(bytes, most));
      }
    }
  }

  ByOwner byOwner(int ownerCount) {
    int[] first = new int[ownerCount + 1];
    for (int i = 0; i < count; i++) {
      first[owners[i] + 1]++;
    }
    for (int owner = 0; owner < ownerCount; owner++) {
      first[owner + 1] += first[owner];
    }
    int[] next = first.clone();
    long[] sortedStarts = new long[count];
    int[] sortedLengths = new int[count];
    for (int i = 0; i < count; i++) {
      int to = next[owners[i]]++;
      sortedStarts[to] = starts[i];
      sortedLengths[to] = lengths[i];
    }
    return new ByOwner(first, sortedStarts, sortedLengths);
  }
}
