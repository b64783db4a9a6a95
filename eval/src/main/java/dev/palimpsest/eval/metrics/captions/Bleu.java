package dev.palimpsest.eval.metrics.captions;

import java.util.List;
import java.util.stream.IntStream;

/**
 * BLEU-1 to BLEU-4 (Papineni et al. 2002) as the COCO caption evaluation computes it: counts summed
 * over the corpus, the reference length closest to the candidate's, and tiny constants instead of
 * smoothing, so that a corpus without any matching 4-gram has a score near zero.
 */
public final class Bleu {
  private static final double TINY = 1e-15;
  private static final double SMALL = 1e-9;

  /**
   * By image: candidate length, length of the closest reference (of two equally close ones, the
   * shorter), then for each order the number of the candidate's n-grams and how many of them are
   * correct.
   */
  private final int[][] images;

  /** Counts the n-grams of captions. */
  public Bleu(Captions captions) {
    NgramIndex index = new NgramIndex();
    this.images =
        captions.items().stream()
            .map(
                item ->
                    counts(
                        index.ngrams(item.caption()),
                        item.references().stream().map(index::ngrams).toList()))
            .toArray(int[][]::new);
  }

  /** BLEU-n of the whole corpus. */
  double corpus(int n) {
    return corpus(n, IntStream.range(0, images.length).toArray());
  }

  /** BLEU-n of a resample of images. */
  double corpus(int n, int[] drawn) {
    long[] sums = new long[2 + 2 * NgramIndex.ORDERS];
    for (int i : drawn) {
      int[] counts = images[i];
      for (int k = 0; k < sums.length; k++) {
        sums[k] += counts[k];
      }
    }
    double product = 1;
    for (int k = 0; k < n; k++) {
      product *= (sums[3 + 2 * k] + TINY) / (sums[2 + 2 * k] + SMALL);
    }
    double score = Math.pow(product, 1.0 / n);
    double ratio = (sums[0] + TINY) / (sums[1] + SMALL);
    return ratio < 1 ? score * Math.exp(1 - 1 / ratio) : score;
  }

  /** BLEU-n of one image. */
  public double image(int n, int image) {
    return corpus(n, new int[] {image});
  }

  private static int[] counts(int[][] candidate, List<int[][]> references) {
    int[] counts = new int[2 + 2 * NgramIndex.ORDERS];
    counts[0] = candidate[0].length;
    counts[1] = closestLength(counts[0], references);
    for (int n = 0; n < NgramIndex.ORDERS; n++) {
      int[] grams = candidate[n];
      counts[2 + 2 * n] = grams.length;
      for (int i = 0; i < grams.length; ) {
        int end = Cider.endOfRun(grams, i);
        int most = 0;
        for (int[][] reference : references) {
          most = Math.max(most, occurrences(reference[n], grams[i]));
        }
        counts[3 + 2 * n] += Math.min(end - i, most);
        i = end;
      }
    }
    return counts;
  }

  private static int closestLength(int length, List<int[][]> references) {
    int closest = references.get(0)[0].length;
    for (int[][] reference : references) {
      int other = reference[0].length;
      int compared = Integer.compare(Math.abs(other - length), Math.abs(closest - length));
      if (compared < 0 || (compared == 0 && other < closest)) {
        closest = other;
      }
    }
    return closest;
  }

  private static int occurrences(int[] grams, int wanted) {
    int count = 0;
    for (int gram : grams) {
      count += gram == wanted ? 1 : 0;
    }
    return count;
  }
}
