package dev.palimpsest.cli.certify;

/**
 * One line of the table.
 *
 * @param caseName the case's folder
 * @param quantity what was compared
 * @param error largest error found, in the tolerance's measure; NaN if there was nothing to compare
 * @param tolerance the limit
 * @param note further information for the reader, possibly empty
 */
record Check(String caseName, String quantity, double error, Tolerance tolerance, String note) {
  /** Whether the error is within the limit; NaN never is. */
  boolean holds() {
    return error <= tolerance.limit();
  }
}
