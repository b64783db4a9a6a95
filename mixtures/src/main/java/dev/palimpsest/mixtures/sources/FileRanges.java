package dev.palimpsest.mixtures.sources;

import java.util.Arrays;

/**
 * A growing list of byte ranges of a file. Each range belongs to an owner, such as an image; {@link
 * #byOwner} groups them.
 */
final class FileRanges {
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
   * Ranges grouped by owner; those of one owner keep the order in which they were added.
   *
   * @param first the index of each owner's first range; the last entry is the number of ranges
   * @param starts offsets in the file
   * @param lengths lengths in bytes
   */
  record ByOwner(int[] first, long[] starts, int[] lengths) {
    int count(int owner) {
      return first[owner + 1] - first[owner];
    }

    /** Refuses an owner whose ranges have more bytes than may be read at once. */
    void requireWithin(int owner, long most) {
      long bytes = 0;
      for (int i = first[owner]; i < first[owner + 1]; i++) {
        bytes += lengths[i];
      }
      if (bytes > most) {
        throw new IllegalArgumentException(
            "its annotations take %d bytes; at most %d are read".formatted(bytes, most));
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
