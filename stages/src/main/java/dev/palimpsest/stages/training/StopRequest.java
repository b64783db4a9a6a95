package dev.palimpsest.stages.training;

/**
 * A request from another thread to end a run where it can be resumed: after the current step or
 * batch of answers, with its state saved.
 */
public final class StopRequest {
  private volatile boolean made;
  private volatile boolean unsaved;
  private volatile Runnable onMade = () -> {};

  /** Makes the request; it cannot be withdrawn. */
  public void make() {
    made = true;
    onMade.run();
  }

  /** What to do at once when the request is made, on the thread that makes it. */
  public void onMade(Runnable action) {
    onMade = action;
  }

  /** Whether the request was made. */
  public boolean isMade() {
    return made;
  }

  /**
   * Whether ending the process now would lose something: steps that are not in any checkpoint yet,
   * or, once these are saved because of the request, the record of how the run ended. Everything
   * else is written to disk at once, and a run resumes from there.
   */
  public boolean isAwaited() {
    return unsaved;
  }

  /** Records that there are unsaved steps, or that all are saved. */
  public void unsaved(boolean unsaved) {
    this.unsaved = unsaved;
  }

  /**
   * Ends the run if that was requested, at a point where nothing is left to save.
   *
   * @throws StoppedException if so
   */
  public void obey(String where) {
    if (made) {
      throw new StoppedException("stopped " + where + "; run the same command to resume");
    }
  }
}
