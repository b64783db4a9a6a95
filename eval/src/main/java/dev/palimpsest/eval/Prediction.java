package dev.palimpsest.eval;

import java.util.List;

/**
 * What a model answered to one example; one line of a task's predictions file.
 *
 * @param id the example's id in its source
 * @param prompt the example's prefix
 * @param prediction decoded text, cut at EOS
 * @param references accepted answers
 * @param correct whether the prediction is one of them, character by character
 */
public record Prediction(
    String id, String prompt, String prediction, List<String> references, boolean correct) {
  /** Copies. */
  public Prediction {
    references = List.copyOf(references);
  }
}
