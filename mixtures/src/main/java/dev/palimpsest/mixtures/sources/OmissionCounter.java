package dev.palimpsest.mixtures.sources;

import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what a source leaves out for one reason, and logs it once. Not thread-safe. */
final class OmissionCounter {
  private static final Logger log = LoggerFactory.getLogger(OmissionCounter.class);

  private final String what;
  private long count;
  private String first = "";

  /**
   * Starts at 0.
   *
   * @param what describes one omitted item; {@code %s} stands for its name
   */
  OmissionCounter(String what) {
    this.what = what;
  }

  /** Counts one item. */
  void add(String name) {
    first = count++ == 0 ? name : first;
  }

  /** A counter for the same reason that starts at 0. */
  OmissionCounter again() {
    return new OmissionCounter(what);
  }

  /** Logs how many items were left out, and the first of them. */
  void log(Path file) {
    if (count > 0) {
      String one = what.formatted(first);
      log.warn("source {}: {} left out; {}{}", file, count, count == 1 ? "" : "the first: ", one);
    }
  }
}
