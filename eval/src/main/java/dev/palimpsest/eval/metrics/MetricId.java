package dev.palimpsest.eval.metrics;

/**
 * Identifies the computation that a number comes from. Different programs score the same benchmark
 * differently, so a name alone does not make two numbers comparable.
 *
 * @param name what is measured: {@code vqa}, {@code cider}
 * @param variant the program that is followed: {@code official}, {@code big_vision}, {@code
 *     lmms_eval}
 * @param version increased whenever a change could alter a value
 */
public record MetricId(String name, String variant, int version) {
  /** {@code name:variant}, the form {@code Metrics.find} takes. */
  public String key() {
    return name + ":" + variant;
  }

  @Override
  public String toString() {
    return key() + " v" + version;
  }
}
