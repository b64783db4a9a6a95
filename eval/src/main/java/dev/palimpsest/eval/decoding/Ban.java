package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.BitSet;
import java.util.List;

/** Tokens that are never chosen. */
final class Ban {
  private final BitSet tokens = new BitSet();

  Ban(List<Integer> ids) {
    ids.forEach(tokens::set);
  }

  boolean contains(int token) {
    return tokens.get(token);
  }

  /** The scores with those of banned tokens set to minus infinity; in {@code manager}. */
  NDArray apply(NDManager manager, NDArray scores) {
    if (tokens.isEmpty()) {
      return scores;
    }
    float[] added = new float[Math.toIntExact(scores.getShape().get(1))];
    tokens.stream().filter(id -> id < added.length).forEach(id -> added[id] = -1f / 0f);
    NDArray masked = scores.add(manager.create(added));
    masked.attach(manager);
    return masked;
  }
}
