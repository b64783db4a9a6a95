package dev.palimpsest.eval.metrics.captions;

import java.util.Arrays;
import java.util.List;

/**
 * CIDEr-D (Vedantam et al. 2015), which the COCO caption evaluation calls CIDEr: cosine similarity
 * of tf-idf n-gram vectors, clipped, with a Gaussian penalty on the difference in length. It ranges
 * from 0 to 10; papers report it times 100. Document frequencies come from the references of the
 * run, so scores of different splits, or of parts of a split, are not comparable.
 */
public final class Cider {
  private static final double SIGMA = 6;

  private Cider() {}

  /** The score of every image; the corpus score is their mean. */
  public static double[] scores(Captions captions) {
    List<Captions.Item> items = captions.items();
    NgramIndex index = new NgramIndex();
    int[][][] candidates = new int[items.size()][][];
    int[][][][] references = new int[items.size()][][][];
    for (int i = 0; i < candidates.length; i++) {
      candidates[i] = index.ngrams(items.get(i).caption());
      references[i] = items.get(i).references().stream().map(index::ngrams).toArray(int[][][]::new);
    }
    double logImages = Math.log(items.size());
    double[] inverse = new double[index.size()];
    int[] frequency = documentFrequency(references, index.size());
    for (int gram = 0; gram < inverse.length; gram++) {
      inverse[gram] = logImages - Math.log(Math.max(1, frequency[gram]));
    }
    double[] scores = new double[candidates.length];
    for (int i = 0; i < scores.length; i++) {
      double sum = 0;
      for (int[][] reference : references[i]) {
        sum += similarity(candidates[i], reference, inverse);
      }
      scores[i] = 10 * sum / references[i].length;
    }
    return scores;
  }

  /** The number of images in whose references each n-gram occurs. */
  private static int[] documentFrequency(int[][][][] references, int ngrams) {
    int[] frequency = new int[ngrams];
    int[] lastImage = new int[ngrams];
    Arrays.fill(lastImage, -1);
    for (int image = 0; image < references.length; image++) {
      for (int[][] reference : references[image]) {
        for (int[] order : reference) {
          for (int gram : order) {
            if (lastImage[gram] != image) {
              lastImage[gram] = image;
              frequency[gram]++;
            }
          }
        }
      }
    }
    return frequency;
  }

  /** Mean over the orders. */
  private static double similarity(int[][] candidate, int[][] reference, double[] inverse) {
    // The original measures lengths in bigrams.
    double delta = candidate[1].length - reference[1].length;
    double penalty = Math.exp(-delta * delta / (2 * SIGMA * SIGMA));
    double sum = 0;
    for (int n = 0; n < NgramIndex.ORDERS; n++) {
      double norms = norm(candidate[n], inverse) * norm(reference[n], inverse);
      double product = clippedProduct(candidate[n], reference[n], inverse);
      sum += (norms == 0 ? product : product / norms) * penalty;
    }
    return sum / NgramIndex.ORDERS;
  }

  private static double norm(int[] grams, double[] inverse) {
    double squares = 0;
    for (int i = 0; i < grams.length; ) {
      int end = endOfRun(grams, i);
      double weight = (end - i) * inverse[grams[i]];
      squares += weight * weight;
      i = end;
    }
    return Math.sqrt(squares);
  }

  /** Sum over shared n-grams of the smaller weight times the reference's. */
  private static double clippedProduct(int[] candidate, int[] reference, double[] inverse) {
    double sum = 0;
    int i = 0;
    int j = 0;
    while (i < candidate.length && j < reference.length) {
      int endI = endOfRun(candidate, i);
      int endJ = endOfRun(reference, j);
      int compared = Integer.compare(candidate[i], reference[j]);
      if (compared == 0) {
        double weight = inverse[candidate[i]];
        sum += Math.min((endI - i) * weight, (endJ - j) * weight) * (endJ - j) * weight;
      }
      i = compared <= 0 ? endI : i;
      j = compared >= 0 ? endJ : j;
    }
    return sum;
  }

  static int endOfRun(int[] sorted, int start) {
    int end = start + 1;
    while (end < sorted.length && sorted[end] == sorted[start]) {
      end++;
    }
    return end;
  }
}
