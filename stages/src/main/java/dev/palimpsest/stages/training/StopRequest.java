package dev.palimpsest.stages.training;

/**
 * A wish, from another thread, that a run ends where it can go on later: after the step or the
 * batch of answers under way, with its state saved.
 */
public final class StopRequest {
  private volatile boolean made;
  private volatile boolean unsaved;

  /** Makes the wish; it cannot be taken back. */
  public void make() {
    made = true;
  }

  /** Whether it was made. */
  public boolean isMade() {
    return made;
  }

  /**
   * Whether ending the process now would lose work: steps that no checkpoint holds yet. All else is
   * on disk as it is made, and a run goes on from there.
   */
  public boolean isAwaited() {
    return unsaved;
  }

  /** Says that steps are made, or that what they made is saved. */
  public void unsaved(boolean unsaved) {
    this.unsaved = unsaved;
  }

  /**
   * Ends the run if that is wished, at a place where nothing is left to save.
   *
   * @throws StoppedException if so
   */
  public void obey(String where) {
    if (made) {
      throw new StoppedException("stopped " + where + "; run the same command to resume");
    }
  }
}
