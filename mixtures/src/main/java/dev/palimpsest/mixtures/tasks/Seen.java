package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.mixtures.codecs.BoundingBox;
import java.util.Optional;

/** What a crop leaves of a box. */
final class Seen {
  /** A box of which less than this share is left has left the picture. */
  private static final double LEAST = 0.5;

  private Seen() {}

  /** The box in shares of the view; empty when too little of it is seen. */
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
