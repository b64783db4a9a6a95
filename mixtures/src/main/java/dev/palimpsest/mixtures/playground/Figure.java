package dev.palimpsest.mixtures.playground;

import java.awt.Shape;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.List;
import java.util.Locale;

/** The figures in a scene. Every outline touches all four sides of its box. */
enum Figure {
  CIRCLE {
    @Override
    Shape outline(double x, double y, double size) {
      return new Ellipse2D.Double(x, y, size, size);
    }
  },
  SQUARE {
    @Override
    Shape outline(double x, double y, double size) {
      return new Rectangle2D.Double(x, y, size, size);
    }
  },
  TRIANGLE {
    @Override
    Shape outline(double x, double y, double size) {
      return polygon(x, y, size, 0.5, 0, 1, 1, 0, 1);
    }
  };

  static final List<Figure> ALL = List.of(values());

  /** The outline in a square box whose top left corner is (x, y), in pixels. */
  abstract Shape outline(double x, double y, double size);

  /** {@code circle}. */
  String noun() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** {@code kreis}. */
  String german() {
    return switch (this) {
      case CIRCLE -> "kreis";
      case SQUARE -> "quadrat";
      case TRIANGLE -> "dreieck";
    };
  }

  /** {@code kreise}. */
  String germanPlural() {
    return german() + "e";
  }

  /** Whether its German noun is masculine; the other two are neuter. */
  boolean masculine() {
    return this == CIRCLE;
  }

  /** {@code circles}. */
  String plural() {
    return noun() + "s";
  }

  /**
   * @param corners x and y of each corner as shares of the box
   */
  private static Shape polygon(double x, double y, double size, double... corners) {
    Path2D path = new Path2D.Double();
    for (int i = 0; i < corners.length; i += 2) {
      double px = x + size * corners[i];
      double py = y + size * corners[i + 1];
      if (i == 0) {
        path.moveTo(px, py);
      } else {
        path.lineTo(px, py);
      }
    }
    path.closePath();
    return path;
  }
}
