package dev.palimpsest.mixtures;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which of a batch's parts a reader takes. In every round the readers take as many parts that
 * follow one another, and therefore have nearly as many pictures.
 *
 * @param index number of the reader, from 0
 * @param of number of readers
 * @param isBalanced whether a round's parts go to those first who have had the fewest pictures of
 *     the batch so far, and not always in the order of readers. Readers' pictures then differ by no
 *     more than two parts of one round do
 */
public record Share(int index, int of, boolean isBalanced) {
  /** Of the only reader. */
  public static final Share ALL = new Share(0, 1, false);

  public Share {
    if (index < 0 || index >= of) {
      throw new IllegalArgumentException("no reader has the number %d of %d".formatted(index, of));
    }
  }

  /**
   * The part that this reader takes.
   *
   * @param round of the batch, from 0
   * @param pictures of each of the batch's parts, most first
   */
  int part(int round, long[] pictures) {
    if (!isBalanced) {
      return index + of * round;
    }
    long[] taken = new long[of];
    List<Integer> fewestFirst = new ArrayList<>(IntStream.range(0, of).boxed().toList());
    for (int r = 0; r < round; r++) {
      fewestFirst.sort(Comparator.comparingLong(reader -> taken[reader]));
      for (int place = 0; place < of; place++) {
        taken[fewestFirst.get(place)] += pictures[r * of + place];
      }
      Collections.sort(fewestFirst); // equals in the order of readers
    }
    fewestFirst.sort(Comparator.comparingLong(reader -> taken[reader]));
    return of * round + fewestFirst.indexOf(index);
  }
}
