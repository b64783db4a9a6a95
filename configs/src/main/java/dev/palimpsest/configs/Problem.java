package dev.palimpsest.configs;

import org.jspecify.annotations.Nullable;

/**
 * One mistake in a recipe.
 *
 * @param path what it is about, as the reader would write it: {@code
 *     stages[1].optimizer.learningRate}; empty for the whole recipe
 * @param message what was expected, what was found and what to do, in one sentence
 * @param place where it was written; absent for values made in code
 */
public record Problem(String path, String message, @Nullable Place place) {
  /** A mistake in a value made in code. */
  public Problem(String path, String message) {
    this(path, message, null);
  }

  /** The same mistake seen from one level further out. */
  public Problem under(String parent) {
    if (parent.isEmpty()) {
      return this;
    }
    if (path.isEmpty()) {
      return new Problem(parent, message, place);
    }
    return new Problem(path.startsWith("[") ? parent + path : parent + "." + path, message, place);
  }

  /** The same mistake, found at a place. */
  Problem at(@Nullable Place found) {
    return new Problem(path, message, found);
  }

  /** {@code recipe.yaml:12:5: stages[1].batchSize: must be greater than 0, got -8}. */
  @Override
  public String toString() {
    String text = path.isEmpty() ? message : path + ": " + message;
    return place == null ? text : place + ": " + text;
  }
}
