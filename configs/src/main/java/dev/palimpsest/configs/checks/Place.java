package dev.palimpsest.configs.checks;

/**
 * Where a part of a recipe was written.
 *
 * @param source a file's name, or an override as it was given
 * @param line from 1; 0 if lines are not meaningful for the source
 * @param column from 1; 0 likewise
 */
public record Place(String source, int line, int column) {
  /** The whole of a short source. */
  public static Place all(String source) {
    return new Place(source, 0, 0);
  }

  @Override
  public String toString() {
    return line == 0 ? source : source + ":" + line + ":" + column;
  }
}
