package dev.palimpsest.stages.preparation;

/** Shows how far work of known size has come. */
public interface LongWork {
  /**
   * Begins such work, during which nothing else is shown.
   *
   * @param what for people: {@code stage1: scoring heldout}
   * @param unit what is counted: {@code answers}
   * @param total how many there will be
   */
  default Work begin(String what, String unit, long total) {
    return done -> {};
  }

  /** Work that is shown until it is closed. */
  @FunctionalInterface
  interface Work extends AutoCloseable {
    /** Shows how much has been done so far; any thread may call this. */
    void done(long soFar);

    @Override
    default void close() {}
  }
}
