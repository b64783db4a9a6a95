package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.List;

/** Chooses the most likely token; of several equally likely ones, the lowest id. */
final class Greedy implements Chooser {
  private final NDManager parent;
  private final Ban ban;

  Greedy(NDManager parent, Ban ban) {
    this.parent = parent;
    this.ban = ban;
  }

  @Override
  public Choice[] choose(NDArray logits, List<Draws> draws) {
    try (NDManager manager = parent.newSubManager()) {
      NDArray allowed = ban.apply(manager, logits);
      // libtorch documents that argmax gives the first of several maxima.
      NDArray best = allowed.argMax(1).toType(DataType.INT64, false);
      best.attach(manager);
      NDArray index = best.expandDims(1);
      index.attach(manager);
      NDArray all = logits.logSoftmax(1);
      all.attach(manager);
      NDArray chosen = all.gather(index, 1);
      chosen.attach(manager);
      NDList top = allowed.topK(2, 1, true, true);
      top.attach(manager);
      float[] highest = top.get(0).toFloatArray();
      float[] logProbabilities = chosen.toFloatArray();
      long[] tokens = best.toLongArray();
      Choice[] choices = new Choice[tokens.length];
      for (int i = 0; i < choices.length; i++) {
        boolean settled = highest[2 * i] - highest[2 * i + 1] > Decoder.CLOSE;
        choices[i] = new Choice((int) tokens[i], logProbabilities[i], settled);
      }
      return choices;
    }
  }
}
