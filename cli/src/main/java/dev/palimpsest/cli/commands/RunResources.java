package dev.palimpsest.cli.commands;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.Kernels;

/** Native resources of the process, closed in reverse order of their making. */
public record RunResources(NDManager manager, Kernels kernels) implements AutoCloseable {
  @Override
  public void close() {
    kernels.close();
    manager.close();
  }
}
