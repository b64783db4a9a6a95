package dev.palimpsest.eval.metrics.answers;

import java.util.List;

/** Agreement of an answer with a list of annotators' answers. */
final class Annotators {
  private Annotators() {}

  static int matches(String prediction, List<String> answers) {
    int matches = 0;
    for (String answer : answers) {
      if (answer.equals(prediction)) {
        matches++;
      }
    }
    return matches;
  }

  /**
   * Mean over annotators of {@code min(1, agreeing others / 3)}. Of ten answers 1, 2, 3 and 4 or
   * more agreeing give 0.3, 0.6, 0.9 and 1. Annotators are distinguished by position, so equal
   * answers are kept.
   */
  static double leaveOneOut(String prediction, List<String> answers) {
    int matches = matches(prediction, answers);
    double whenAgreeing = Math.min(1, (matches - 1) / 3.0);
    double whenNot = Math.min(1, matches / 3.0);
    return matches == 0
        ? 0
        : (matches * whenAgreeing + (answers.size() - matches) * whenNot) / answers.size();
  }

  /** {@code min(1, agreeing / 3)}. */
  static double outOfThree(String prediction, List<String> answers) {
    return Math.min(1, matches(prediction, answers) / 3.0);
  }
}
