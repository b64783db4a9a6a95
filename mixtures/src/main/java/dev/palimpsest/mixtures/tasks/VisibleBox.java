package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import java.util.Optional;

/** The part of a bounding box that remains visible in a crop. */
final class VisibleBox {
  /** A box counts as outside the crop when less than this share of its area is inside. */
  private static final double LEAST = 0.5;

  private VisibleBox() {}

  /**
   * The visible part of a box, in coordinates relative to the view; empty when too little of the
   * box is inside.
   */
  static Optional<BoundingBox> of(BoundingBox box, BoundingBox view) {
    if (view.equals(BoundingBox.WHOLE)) {
      return Optional.of(box);
    }
    BoundingBox left = box.intersection(view);
    return left.area() > 0 && left.area() >= LEAST * box.area()
        ? Optional.of(left.within(view))
        : Optional.empty();
  }
}
