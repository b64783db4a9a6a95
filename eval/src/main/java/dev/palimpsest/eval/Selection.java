package dev.palimpsest.eval;

import java.util.List;

/**
 * Which examples of a task are answered.
 *
 * @param limit how many, from the first; 0 for all
 * @param ids these alone; empty for all
 * @param predictOnly whether answers are made but not scored
 */
public record Selection(long limit, List<String> ids, boolean predictOnly) {
  /** All of them, scored. */
  public static final Selection ALL = new Selection(0, List.of(), false);

  /** Copies. */
  public Selection {
    ids = List.copyOf(ids);
  }
}
