package dev.palimpsest.model.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class RepeatabilityTest {
  /** The same switch as a GPU's; on a CPU all algorithms repeat their bits anyway. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void libtorchCanBeToldToRepeatItsBits() {
    try (Kernels kernels = Kernels.load()) {
      assertTrue(!kernels.isOnGpu() && !Repeatability.isRequired());
      try {
        Repeatability.require(true);
        assertTrue(Repeatability.isRequired());
      } finally {
        Repeatability.require(false);
      }
      assertTrue(!Repeatability.isRequired());
    }
  }

  /** What a GPU does in place of adding in any order, on the CPU. */
  @Test
  void rowsOfOnePlaceAddUp() {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        Kernels kernels = Kernels.load()) {
      NDArray table = manager.create(new float[] {1, 2, 3, 4, 5, 6}, new Shape(3, 2));
      NDArray places = manager.create(new long[] {2, 0, 2});
      NDArray rows = manager.create(new float[] {10, 20, 30, 40, 50, 60}, new Shape(3, 2));
      kernels.update("add_rows", table, places, rows);
      assertArrayEquals(new float[] {31, 42, 3, 4, 65, 86}, table.toFloatArray());
    }
  }

  @Test
  void aCpuIsNotWaitedForAndHasTheFixedBudget() {
    try (Kernels kernels = Kernels.load()) {
      kernels.await();
      assertTrue(kernels.freeBytes().isEmpty());
    }
  }
}
