package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.List;

/**
 * How much of the evaluation data may occur in the training data, and what counts as a duplicate.
 * Before a run's first step, each stage's mixture is compared with the suites. The run stops if a
 * larger share of a stage's examples than {@code limit} are duplicates.
 *
 * @param against names of suites in the recipe's {@code suites}
 * @param limit the largest share of a stage's examples that may be duplicates, with tasks weighted
 *     as in the stage's mixture
 * @param threshold the most bits, of 64, in which the hashes of a picture and an altered copy of it
 *     may differ
 * @param words length, in words, of the runs by which texts are compared
 * @param overlap the share of an evaluation text's runs that a text must contain to be its
 *     duplicate
 * @param texts whether matching text alone makes an example with a picture a duplicate; for an
 *     example without pictures it always does
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

  /** Checks that the limit, the threshold and the lengths are in range. */
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
