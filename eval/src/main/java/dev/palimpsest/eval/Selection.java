package dev.palimpsest.eval;

import java.util.List;

/**
 * Selects the examples of a task that are answered.
 *
 * @param limit how many, from the first on; 0 for all
 * @param ids only these; empty for all
 * @param predictOnly whether answers are made but not scored
 * @param likelihoods whether the likelihood of a benchmark's first reference is computed as well,
 *     as it is for a recipe's own sources
 */
public record Selection(long limit, List<String> ids, boolean predictOnly, boolean likelihoods) {
  /** All examples, scored. */
  public static final Selection ALL = new Selection(0, List.of(), false, false);

  /** Keeps unmodifiable copies. */
  public Selection {
    ids = List.copyOf(ids);
  }
}
