package dev.palimpsest.cli;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.Kernels;

/** Native resources of the process, closed in reverse order of their making. */
record RunResources(NDManager manager, Kernels kernels) implements AutoCloseable {
  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
