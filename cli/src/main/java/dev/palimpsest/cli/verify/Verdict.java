package dev.palimpsest.cli.verify;

import java.util.List;

/**
 * The result of a check of an export.
 *
 * @param check what was checked: {@code files}, a loader's name, {@code values}, {@code logits}
 * @param outcome whether it passed
 * @param summary one line
 * @param details what is wrong, a line each
 */
record Verdict(String check, Outcome outcome, String summary, List<String> details) {
  /** How a check can end. */
  enum Outcome {
    HOLDS,
    FAILS,
    /** There was nothing to compare it with. */
    ABSENT
  }

  Verdict {
    details = List.copyOf(details);
  }

  static Verdict holds(String check, String summary) {
    return new Verdict(check, Outcome.HOLDS, summary, List.of());
  }

  static Verdict absent(String check, String why) {
    return new Verdict(check, Outcome.ABSENT, why, List.of());
  }

  static Verdict fails(String check, String summary, List<String> details) {
    return new Verdict(check, Outcome.FAILS, summary, details);
  }
}
