package dev.palimpsest.configs;

/**
 * One mistake in a recipe.
 *
 * @param path where it stands, as the reader would write it: {@code
 *     stages[1].optimizer.learningRate}; empty for the whole recipe
 * @param message what was expected, what was found and what to do, in one sentence
 */
public record Problem(String path, String message) {
  /** The same mistake seen from one level further out. */
  public Problem under(String parent) {
    if (path.isEmpty()) {
      return new Problem(parent, message);
    }
    return new Problem(path.startsWith("[") ? parent + path : parent + "." + path, message);
  }

  @Override
  public String toString() {
    return path.isEmpty() ? message : path + ": " + message;
  }
}
