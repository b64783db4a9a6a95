package dev.palimpsest.model;

/** To be written: the scripted operations of one process, loaded once. */
public final class Kernels implements AutoCloseable {
  /** Packs and loads the kernel sources. */
  public static Kernels load() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
