package dev.palimpsest.stages;

/**
 * A wish, from another thread, that a run ends where it can go on later: after the step or the
 * suite under way, with its state saved.
 */
public final class StopRequest {
  private volatile boolean made;

  /** Makes the wish; it cannot be taken back. */
  public void make() {
    made = true;
  }

  /** Whether it was made. */
  public boolean isMade() {
    return made;
  }

  /**
   * Ends the run if that is wished, at a place where nothing is left to save.
   *
   * @throws StoppedException if so
   */
  void obey(String where) {
    if (made) {
      throw new StoppedException("stopped " + where + "; run the same command to go on");
    }
  }
}
