package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.images.Turn;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Maps the bytes of pictures to numbers: an open-addressed table whose key is the first 128 bits of
 * a SHA-256 over the bytes, the frame number and the orientation. It takes 20 bytes per entry and
 * at most twice that in memory. Thread-safe.
 */
final class PictureTable {
  /** Marks a slot without an entry. */
  static final int ABSENT = -1;

  private long[] highs = new long[1024];
  private long[] lows = new long[1024];
  private int[] values = filled(1024);
  private int size;

  private static int[] filled(int length) {
    int[] values = new int[length];
    Arrays.fill(values, ABSENT);
    return values;
  }

  /** The key of a picture. */
  record Key(long high, long low) {
    static Key of(byte[] bytes, int frame, Turn turn) {
      MessageDigest digest = ContentHash.sha256();
      digest.update(bytes);
      ByteBuffer hash =
          ByteBuffer.wrap(digest.digest(ByteBuffer.allocate(4).putInt(frame).array()));
      return new Key(hash.getLong(), hash.getLong()).turned(turn);
    }

    /** Distinct for each orientation of a picture; applying it twice gives the hash back. */
    private Key turned(Turn turn) {
      return new Key(high, low ^ (turn.value() - 1));
    }

    /** This key, followed by those of the same bytes in every other orientation. */
    List<Key> everyTurn() {
      return Stream.of(Turn.values()).map(this::turned).toList();
    }
  }

  /** The picture's number, or {@link #ABSENT}. */
  synchronized int get(Key key) {
    return values[slot(key)];
  }

  /** Number of pictures. */
  synchronized int size() {
    return size;
  }

  /**
   * Gives a picture a number, unless it has one.
   *
   * @param value 0 or more
   * @return its number
   */
  synchronized int putIfAbsent(Key key, int value) {
    int slot = slot(key);
    if (values[slot] == ABSENT) {
      highs[slot] = key.high;
      lows[slot] = key.low;
      values[slot] = value;
      if (++size * 4L > values.length * 3L) {
        grow();
      }
      return value;
    }
    return values[slot];
  }

  private int slot(Key key) {
    int slot = (int) key.high & (values.length - 1);
    while (values[slot] != ABSENT && (highs[slot] != key.high || lows[slot] != key.low)) {
      slot = (slot + 1) & (values.length - 1);
    }
    return slot;
  }

  private void grow() {
    long[] oldHighs = highs;
    long[] oldLows = lows;
    int[] oldValues = values;
    highs = new long[2 * oldValues.length];
    lows = new long[2 * oldValues.length];
    values = filled(2 * oldValues.length);
    for (int i = 0; i < oldValues.length; i++) {
      if (oldValues[i] != ABSENT) {
        int slot = slot(new Key(oldHighs[i], oldLows[i]));
        highs[slot] = oldHighs[i];
        lows[slot] = oldLows[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
