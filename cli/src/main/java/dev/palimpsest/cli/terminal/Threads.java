package dev.palimpsest.cli.terminal;

/** Number of libtorch's compute threads. */
public final class Threads {
  private Threads() {}

  /** Takes effect when the engine is first used, so it comes before anything that computes. */
  public static void use(int threads) {
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
  }
}
