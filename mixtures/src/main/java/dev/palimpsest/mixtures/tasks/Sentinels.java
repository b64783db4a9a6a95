package dev.palimpsest.mixtures.tasks;

/** Markers for missing text. */
final class Sentinels {
  private Sentinels() {}

  static String at(String pattern, int number) {
    return pattern.replace("{n}", Integer.toString(number));
  }
}
