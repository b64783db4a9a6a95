package dev.palimpsest.configs.checks;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A recipe, or a value made in code, that cannot be run. It has every mistake found, not only the
 * first.
 */
public class InvalidConfigException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private final transient List<Problem> problems;

  /** Creates an exception with all mistakes, in the order of the recipe. */
  public InvalidConfigException(List<Problem> problems) {
    super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n")));
    this.problems = List.copyOf(problems);
  }

  /** Every mistake found. */
  public List<Problem> problems() {
    return problems;
  }
}
