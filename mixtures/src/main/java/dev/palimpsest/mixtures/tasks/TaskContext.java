package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.order.SplitMix;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.List;

/**
 * A row together with everything else that determines its example.
 *
 * @param row the row's fields
 * @param index the row's position in the source, 0-based
 * @param epoch number of complete passes over the source before this one
 * @param draw random numbers for this use of the row
 * @param view the part of the picture that remains after cropping
 */
record TaskContext(Fields row, long index, long epoch, Draw draw, BoundingBox view) {
  /**
   * Chooses an option by epoch: every option is used once before any is used again. Rows start at
   * different options, so that a single epoch does not favour the first.
   */
  <T> T one(List<T> options) {
    long turn = epoch + (SplitMix.mix(index) >>> 1) % options.size();
    return options.get((int) (turn % options.size()));
  }

  /** An example with the row's pictures and several accepted targets. */
  Example example(String prefix, String suffix, List<String> references) {
    return new Example(row.row().id(), row.row().images(), prefix, suffix, references);
  }

  /** An example with the row's pictures and a single accepted target. */
  Example example(String prefix, String suffix) {
    return example(prefix, suffix, List.of(suffix));
  }
}
