package dev.palimpsest.configs;

/**
 * Training checkpoints within a stage. The stage's end is always kept.
 *
 * @param everyExamples cadence; 0 for the stage's end only
 * @param keepLast how many of the cadence's checkpoints stay while the stage trains
 * @param keepEveryExamples milestones, which stay for good; a multiple of {@code everyExamples}; 0
 *     for none
 */
public record CheckpointConfig(
    @Default("0") long everyExamples,
    @Default("2") int keepLast,
    @Default("0") long keepEveryExamples) {
  /** Checks ranges. */
  public CheckpointConfig {
    new Check()
        .examples("everyExamples", everyExamples)
        .range("keepLast", keepLast, 1, 1_000_000, "checkpoints")
        .examples("keepEveryExamples", keepEveryExamples)
        .that(
            keepEveryExamples <= 0 || (everyExamples > 0 && keepEveryExamples % everyExamples == 0),
            "keepEveryExamples",
            "must be a multiple of everyExamples %d, got %d",
            everyExamples,
            keepEveryExamples)
        .done();
  }
}
