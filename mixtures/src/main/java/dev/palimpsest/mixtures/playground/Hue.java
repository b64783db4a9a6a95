package dev.palimpsest.mixtures.playground;

import java.awt.Color;
import java.util.List;
import java.util.Locale;

/** Colours that are easy to distinguish on light backgrounds. */
enum Hue {
  RED(214, 32, 32),
  GREEN(24, 150, 60),
  BLUE(28, 72, 220),
  BLACK(20, 20, 20);

  static final List<Hue> ALL = List.of(values());

  private final Color color;

  Hue(int red, int green, int blue) {
    this.color = new Color(red, green, blue);
  }

  Color color() {
    return color;
  }

  /** {@code rot}. */
  String german() {
    return switch (this) {
      case RED -> "rot";
      case GREEN -> "grün";
      case BLUE -> "blau";
      case BLACK -> "schwarz";
    };
  }

  /** {@code red}. */
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
