package dev.palimpsest.stages;

import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import java.util.List;

/**
 * The contents of training data, tokenizer or parent are not those that a stage began with, though
 * its settings are the same. The recipe is unchanged, so somebody has to look at the data.
 */
public final class DataChangedException extends InvalidConfigException {
  private static final long serialVersionUID = 1L;

  DataChangedException(List<Problem> problems) {
    super(problems);
  }
}
