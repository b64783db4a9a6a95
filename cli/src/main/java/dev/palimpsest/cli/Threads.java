package dev.palimpsest.cli;

/** Number of libtorch's compute threads. */
final class Threads {
  private Threads() {}

  /** Takes effect when the engine is first used, so it comes before anything that computes. */
  static void use(int threads) {
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
  }
}
