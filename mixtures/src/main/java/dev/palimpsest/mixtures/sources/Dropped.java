package dev.palimpsest.mixtures.sources;

import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what a source leaves out for one reason, and says it once. Not thread-safe. */
final class Dropped {
  private static final Logger log = LoggerFactory.getLogger(Dropped.class);

  private final String what;
  private long count;
  private String first = "";

  /**
   * A count from 0.
   *
   * @param what a single one in the words of the format, {@code %s} for its name
   */
  Dropped(String what) {
    this.what = what;
  }

  /** Counts one. */
  void add(String name) {
    first = count++ == 0 ? name : first;
  }

  /** The same reason, from 0. */
  Dropped again() {
    return new Dropped(what);
  }

  /** Says how many were left out, and which was the first. */
  void tell(Path file) {
    if (count > 0) {
      String one = what.formatted(first);
      log.warn("source {}: {} left out; {}{}", file, count, count == 1 ? "" : "the first: ", one);
    }
  }
}
