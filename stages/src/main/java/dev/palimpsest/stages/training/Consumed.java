package dev.palimpsest.stages.training;

/**
 * What a stage has consumed so far: enough to prove two lists of examples equal, and to cut a list
 * that ran ahead of its checkpoint.
 *
 * @param chain {@code SHA-256(chain before || line)} over the lines of {@code examples.jsonl}, in
 *     hexadecimal; empty before the first
 * @param bytes length of these lines
 */
public record Consumed(String chain, long bytes) {
  /** Before the first step. */
  public static final Consumed NOTHING = new Consumed("", 0);
}
