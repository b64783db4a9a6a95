package dev.palimpsest.configs;

/**
 * Training checkpoints within a stage. The stage's end is always kept.
 *
 * @param everyExamples cadence; 0 for the stage's end only
 * @param keepLast how many of the cadence's checkpoints stay
 */
public record CheckpointConfig(@Default("0") long everyExamples, @Default("2") int keepLast) {
  /** Checks ranges. */
  public CheckpointConfig {
    new Check().notNegative("everyExamples", everyExamples).positive("keepLast", keepLast).done();
  }
}
