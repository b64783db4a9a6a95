package dev.palimpsest.stages.training;

/** What a run spends its time on. */
public enum Activity {
  /** Starting: the JVM, preparation, opening data, importing or reading parameters. */
  START,
  /** Training steps, without what follows. */
  COMPUTE,
  /** Steps that wait for data. */
  INPUT,
  /** Steps that wait for other ranks. */
  COLLECTIVE,
  /** Steps that wait for a checkpoint to be copied or written; a stage's end and its exports. */
  SAVE,
  /** Scoring. */
  EVALUATE
}
