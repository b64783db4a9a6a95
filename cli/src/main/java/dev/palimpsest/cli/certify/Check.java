package dev.palimpsest.cli.certify;

/**
 * One line of the table.
 *
 * @param caseName the case's folder
 * @param quantity what was compared
 * @param error largest error found, in the tolerance's measure; NaN when nothing comparable came
 *     out
 * @param tolerance the limit
 * @param note what else a reader wants to know, possibly empty
 */
record Check(String caseName, String quantity, double error, Tolerance tolerance, String note) {
  /** Whether the error is within the limit; NaN never is. */
  boolean holds() {
    return error <= tolerance.limit();
  }
}
