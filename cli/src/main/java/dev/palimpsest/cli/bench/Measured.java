package dev.palimpsest.cli.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;

/**
 * What came of a measurement.
 *
 * @param figures as the command wrote them; missing if it failed
 * @param failure why there are none; empty if there are
 */
record Measured(JsonNode figures, String failure) {
  /** One that nobody asked for. */
  static final Measured NONE = failed("not measured");

  /** One that failed. */
  static Measured failed(String why) {
    return new Measured(MissingNode.getInstance(), why);
  }

  boolean succeeded() {
    return failure.isEmpty();
  }

  /** A figure by its name; NaN if it is missing. */
  double figure(String name) {
    return figures.path(name).asDouble(Double.NaN);
  }
}
