package dev.palimpsest.eval.metrics.captions;

import java.util.List;

/**
 * ROUGE-L (Lin 2004) as the COCO caption evaluation computes it: an F-measure with beta 1.2 of the
 * best precision and the best recall over the references, which may come from different ones.
 */
public final class RougeL {
  private static final double BETA_SQUARED = 1.2 * 1.2;

  private RougeL() {}

  /** The score of every image; the corpus score is their mean. */
  public static double[] scores(Captions captions) {
    return captions.items().stream()
        .mapToDouble(item -> score(item.caption(), item.references()))
        .toArray();
  }

  private static double score(String caption, List<String> references) {
    // Split at single spaces: an empty text is one empty token, which matches another one.
    String[] candidate = caption.split(" ", -1);
    double precision = 0;
    double recall = 0;
    for (String text : references) {
      String[] reference = text.split(" ", -1);
      double common = longestCommonSubsequence(candidate, reference);
      precision = Math.max(precision, common / candidate.length);
      recall = Math.max(recall, common / reference.length);
    }
    return precision == 0 || recall == 0
        ? 0
        : (1 + BETA_SQUARED) * precision * recall / (recall + BETA_SQUARED * precision);
  }

  private static int longestCommonSubsequence(String[] a, String[] b) {
    int[] row = new int[b.length + 1];
    for (String word : a) {
      int diagonal = 0;
      for (int j = 1; j <= b.length; j++) {
        int above = row[j];
        row[j] = word.equals(b[j - 1]) ? diagonal + 1 : Math.max(above, row[j - 1]);
        diagonal = above;
      }
    }
    return row[b.length];
  }
}
