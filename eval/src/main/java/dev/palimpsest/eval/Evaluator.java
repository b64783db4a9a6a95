package dev.palimpsest.eval;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.Parameters;
import java.nio.file.Path;

/** Scores a model on suites of tasks. */
public final class Evaluator {
  private Evaluator() {}

  /**
   * Decodes every example of every task, greedily, and scores the texts. The batch size is a matter
   * of speed and memory alone: it never changes an answer.
   *
   * @param resolution side of the square input, in pixels
   * @param textTokens text positions of the prompt, and of prompt and reference together where the
   *     reference is given to the model (token accuracy)
   * @param batchSize examples a forward pass
   * @param parent everything made here lives in children of it and is gone on return
   * @param predictionsFolder receives {@code TASK.jsonl} for each task, one {@link Prediction} a
   *     line; created when absent
   */
  public static SuiteResult evaluate(
      SuiteConfig suite,
      PaliGemma model,
      Parameters parameters,
      int resolution,
      int textTokens,
      ImageConfig image,
      Tokenizer tokenizer,
      int batchSize,
      NDManager parent,
      Path predictionsFolder) {
    throw new UnsupportedOperationException("waits for the batches of module mixtures");
  }
}
