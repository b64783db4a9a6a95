package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.order.SplitMix;
import dev.palimpsest.mixtures.sources.Fields;
import java.util.List;

/**
 * One look at a row.
 *
 * @param row its fields
 * @param index its position in the source
 * @param epoch how often the source was gone through before
 * @param draw the chance of this visit
 * @param view the part of the picture that is seen
 */
record Visit(Fields row, long index, long epoch, Draw draw, BoundingBox view) {
  /**
   * Another one each epoch, all of them before any comes again. Rows begin at different ones, so
   * that a single epoch does not favour the first.
   */
  <T> T one(List<T> options) {
    long visit = epoch + (SplitMix.mix(index) >>> 1) % options.size();
    return options.get((int) (visit % options.size()));
  }

  /** An example with the row's pictures. */
  Example example(String prefix, String suffix, List<String> references) {
    return new Example(row.row().id(), row.row().images(), prefix, suffix, references);
  }

  /** An example with one target. */
  Example example(String prefix, String suffix) {
    return example(prefix, suffix, List.of(suffix));
  }
}
