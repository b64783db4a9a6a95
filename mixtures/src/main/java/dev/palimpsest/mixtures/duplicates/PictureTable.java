package dev.palimpsest.mixtures.duplicates;

import dev.palimpsest.files.ContentHash;
import dev.palimpsest.mixtures.images.Turn;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Numbers by a picture's bytes: an open-addressed table of the first 128 bits of their SHA-256 and
 * frame number, and how it is turned, 20 bytes an entry and at most twice that held. Thread-safe.
 */
final class PictureTable {
  /** What stands where there is no entry. */
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

    /** Distinct for each turn of one picture, and of a hash its own inverse. */
    private Key turned(Turn turn) {
      return new Key(high, low ^ (turn.value() - 1));
    }

    /** This key, and then those of the same bytes turned in every other way. */
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
   * @return the number it has now
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
