package dev.palimpsest.mixtures.codecs;

/**
 * A box in fractions of a picture's height and width, where 0 is the top and left edge; in the
 * order in which PaliGemma writes boxes.
 */
public record BoundingBox(double top, double left, double bottom, double right) {
  /** The whole picture. */
  public static final BoundingBox WHOLE = new BoundingBox(0, 0, 1, 1);

  /** Whether nothing is inside: no height, no width, or inverted. */
  public boolean isEmpty() {
    return !(bottom > top && right > left);
  }

  /** Area as a fraction of the picture; 0 when empty. */
  public double area() {
    return isEmpty() ? 0 : (bottom - top) * (right - left);
  }

  /** The intersection of both boxes; may be empty. */
  public BoundingBox intersection(BoundingBox other) {
    return new BoundingBox(
        Math.max(top, other.top),
        Math.max(left, other.left),
        Math.min(bottom, other.bottom),
        Math.min(right, other.right));
  }

  /** The same box in fractions of a part of the picture. */
  public BoundingBox within(BoundingBox view) {
    double height = view.bottom - view.top;
    double width = view.right - view.left;
    return new BoundingBox(
        (top - view.top) / height,
        (left - view.left) / width,
        (bottom - view.top) / height,
        (right - view.left) / width);
  }

  /**
   * The pixels that the box covers, the last ones excluded: rounded half to even, never empty, and
   * inside the picture.
   *
   * @return top, left, bottom, right
   */
  public int[] pixels(int height, int width) {
    int top = (int) Math.max(0, Math.min(height - 1, Math.rint(this.top * height)));
    int left = (int) Math.max(0, Math.min(width - 1, Math.rint(this.left * width)));
    return new int[] {
      top,
      left,
      (int) Math.max(top + 1, Math.min(height, Math.rint(bottom * height))),
      (int) Math.max(left + 1, Math.min(width, Math.rint(right * width)))
    };
  }
}
