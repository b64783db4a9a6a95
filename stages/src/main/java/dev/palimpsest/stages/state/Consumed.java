package dev.palimpsest.stages.state;

/**
 * What a stage has consumed so far: enough to prove that two lists of examples are equal, and to
 * truncate a list that is ahead of its checkpoint.
 *
 * @param chain {@code SHA-256(chain before || line)} over the lines of {@code examples.jsonl}, in
 *     hexadecimal; empty before the first
 * @param bytes length of these lines
 */
public record Consumed(String chain, long bytes) {
  /** Before the first step. */
  public static final Consumed NOTHING = new Consumed("", 0);
}
