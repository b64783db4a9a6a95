package dev.palimpsest.mixtures.tasks;

/** Marks for text that is missing. */
final class Sentinels {
  private Sentinels() {}

  static String at(String pattern, int number) {
    return pattern.replace("{n}", Integer.toString(number));
  }
}
