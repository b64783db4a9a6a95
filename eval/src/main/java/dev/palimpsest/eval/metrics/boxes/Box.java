package dev.palimpsest.eval.metrics.boxes;

/**
 * Corners of a box in any unit. It may be inverted or empty, because what a model wrote is scored
 * unchanged.
 */
public record Box(double x1, double y1, double x2, double y2) {
  /** The box of a prediction that could not be parsed. */
  public static final Box ZERO = new Box(0, 0, 0, 0);

  /** From COCO's corner and size. */
  static Box ofCorner(double x, double y, double width, double height) {
    return new Box(x, y, x + width, y + height);
  }

  /** Intersection over union with signed areas; 0 if both are empty. */
  public double iou(Box other) {
    double union = area() + other.area() - intersection(other);
    return union == 0 ? 0 : intersection(other) / union;
  }

  /** Intersection over union where inverted boxes count as empty. */
  public double clampedIou(Box other) {
    double union = clampedArea() + other.clampedArea() - intersection(other);
    return union <= 0 ? 0 : intersection(other) / union;
  }

  /** Whether the middle of another box lies in this one or on its border. */
  public boolean holdsCenterOf(Box other) {
    double x = (other.x1 + other.x2) / 2;
    double y = (other.y1 + other.y2) / 2;
    return x1 <= x && x <= x2 && y1 <= y && y <= y2;
  }

  double intersection(Box other) {
    double width = Math.min(x2, other.x2) - Math.max(x1, other.x1);
    double height = Math.min(y2, other.y2) - Math.max(y1, other.y1);
    return Math.max(0, width) * Math.max(0, height);
  }

  double area() {
    return (x2 - x1) * (y2 - y1);
  }

  private double clampedArea() {
    return Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
  }
}
