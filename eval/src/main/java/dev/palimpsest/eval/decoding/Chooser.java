package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import java.util.List;

/** How a row chooses its next token. */
interface Chooser {
  /**
   * Chooses for every row; rows do not influence each other.
   *
   * @param logits float32 [rows, V]
   * @param draws by row, for choosers that draw
   */
  Choice[] choose(NDArray logits, List<Draws> draws);
}
