package dev.palimpsest.configs;

import java.util.List;

/**
 * How much of the evaluation may stand in the training data, and what counts as standing there.
 * Before the first step of a run each stage's mixture is compared with the suites; a stage of which
 * a larger share would be duplicates stops the run.
 *
 * @param against names from the recipe's {@code suites}
 * @param limit largest share of a stage's examples that may be duplicates, tasks weighted as in its
 *     mixture
 * @param threshold bits of 64 by which the hashes of a picture and its altered copy differ at most
 * @param words length of the runs of words that texts are compared by
 * @param overlap share of an evaluation text's runs that make another text its duplicate
 * @param texts whether a text alone makes an example with a picture a duplicate; of an example
 *     without pictures it always does
 */
public record DedupConfig(
    List<String> against,
    @Default("0") double limit,
    @Default("12") int threshold,
    @Default("8") int words,
    @Default("0.7") double overlap,
    @Default("false") boolean texts) {
  /** The default of {@code threshold}. */
  public static final int THRESHOLD = 12;

  /** A search with the defaults. */
  public static DedupConfig against(List<String> suites, int threshold) {
    return new DedupConfig(suites, 0, threshold, 8, 0.7, false);
  }

  /** Checks ranges. */
  public DedupConfig {
    new Check()
        .that(!against.isEmpty(), "against", "must name at least one suite")
        .within("limit", limit, 0, 1)
        .within("threshold", threshold, 0, 17)
        .range("words", words, 1, 1000, "words")
        .share("overlap", overlap)
        .done();
    against = List.copyOf(against);
  }
}
