package dev.palimpsest.model.kernels;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class NativeMemoryTest {
  private static final int BLOCKS = 4096;
  private static final int ELEMENTS = 16 << 10; // 64 KiB: in the heap, whatever glibc's settings

  private static final long ANY = 1L << 50;

  /** Every other block is freed: none of that is at the heap's end. */
  @Test
  void whatIsFreeBetweenBlocksInUseGoesBackIfItIsMuch() throws IOException {
    Assumptions.assumeTrue(NativeMemory.inUse().isPresent(), "the C library is not glibc");
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      List<NDArray> freed = new ArrayList<>();
      for (int i = 0; i < BLOCKS; i++) {
        NDArray block = manager.ones(new Shape(ELEMENTS));
        if (i % 2 == 0) {
          freed.add(block);
        }
      }
      freed.forEach(NDArray::close);
      long free = BLOCKS / 2 * 4L * ELEMENTS;
      long before = NativeMemory.anonymous();
      NativeMemory.returnMoreThan(ANY);
      assertTrue(before - NativeMemory.anonymous() < free / 2, "gave back what is not much");
      NativeMemory.returnMoreThan(-ANY); // the JVM may have reserved more heap than it has used
      assertTrue(before - NativeMemory.anonymous() > free / 2, "kept what is free");
    }
  }
}
