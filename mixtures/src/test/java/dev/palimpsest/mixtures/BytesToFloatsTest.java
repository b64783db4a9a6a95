package dev.palimpsest.mixtures;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BytesToFloatsTest {
  @Test
  void everyByteAtEveryPlaceOfAVector() {
    byte[] bytes = new byte[600];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 7);
    }
    for (BytesToFloats way :
        new BytesToFloats[] {BytesToFloats.FASTEST, new BytesToFloats.Table()}) {
      for (int from = 0; from < 9; from++) {
        for (int count : new int[] {0, 1, 7, 8, 9, 591}) {
          float[] found = new float[593];
          Arrays.fill(found, -1);
          way.convert(bytes, from, count, found);
          float[] expected = new float[593];
          for (int i = 0; i < expected.length; i++) {
            expected[i] = i < count ? bytes[from + i] & 0xff : -1;
          }
          assertArrayEquals(expected, found);
        }
      }
    }
  }

  @Test
  void vectorsAreUsedWhereTheJvmHasThem() {
    assumeTrue(ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent());
    assertInstanceOf(VectorBytesToFloats.class, BytesToFloats.FASTEST);
  }
}
