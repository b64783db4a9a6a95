package dev.palimpsest.model;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** What tests that compute share: kernels for the class, a manager for each test. */
public abstract class WithKernels {
  public static Kernels kernels;
  public NDManager manager;

  @BeforeAll
  static void load() {
    kernels = Kernels.load();
  }

  @AfterAll
  static void unload() {
    kernels.close();
  }

  @BeforeEach
  final void open() {
    manager = NDManager.newBaseManager();
  }

  @AfterEach
  final void close() {
    manager.close();
  }

  /** Gradients to be added to. */
  final Parameters zeros(Golden golden) {
    return Parameters.zeros(manager, ParameterSpecs.of(golden.config, golden.resolution));
  }

  static double maximum(float[] values) {
    double maximum = 0;
    for (float value : values) {
      maximum = Math.max(maximum, Math.abs(value));
    }
    return maximum;
  }
}
