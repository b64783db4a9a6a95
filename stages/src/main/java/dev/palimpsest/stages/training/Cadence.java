package dev.palimpsest.stages.training;

/**
 * Decides when something is due that happens every so many examples: at the first step that reaches
 * a multiple.
 */
public final class Cadence {
  private Cadence() {}

  /**
   * Whether a multiple of {@code every} lies in the step that just ended.
   *
   * @param every cadence in examples; 0 for none
   * @param batchSize examples of the step
   * @param examples examples seen after it
   * @param withoutCadence the answer when there is no cadence
   */
  public static boolean due(long every, int batchSize, long examples, boolean withoutCadence) {
    if (every == 0) {
      return withoutCadence;
    }
    return examples / every > (examples - batchSize) / every;
  }

  /** Whether a position lies in the step that just ended. */
  static boolean reaches(long position, int batchSize, long examples) {
    return examples >= position && examples - batchSize < position;
  }
}
