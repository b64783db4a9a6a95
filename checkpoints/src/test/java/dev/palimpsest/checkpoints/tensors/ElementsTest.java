package dev.palimpsest.checkpoints.tensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ElementsTest {
  @Test
  void halvesHaveTheirDefinedValues() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      int exponent = (bits >> 10) & 31;
      int fraction = bits & 1023;
      double sign = bits >> 15 == 0 ? 1 : -1;
      double expected =
          exponent == 31
              ? fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN
              : exponent == 0
                  ? sign * fraction * Math.pow(2, -24)
                  : sign * (1 + fraction / 1024.0) * Math.pow(2, exponent - 15);
      assertEquals(expected, Elements.ofHalf((short) bits), 0.0, Integer.toHexString(bits));
    }
    assertEquals(-0.0f, Elements.ofHalf((short) 0x8000));
  }

  @Test
  void bfloat16IsTheNearestAndTiesGoToEven() {
    Random random = new Random(7);
    for (int i = 0; i < 100_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (Float.isNaN(value)) {
        continue;
      }
      int low = Float.floatToRawIntBits(value) >>> 16; // towards zero
      int rounded = Elements.toBfloat16(value) & 0xffff;
      assertTrue(rounded == low || rounded == low + 1, value + "");
      int rest = Float.floatToRawIntBits(value) & 0xffff;
      boolean up = rest > 0x8000 || (rest == 0x8000 && (low & 1) == 1);
      assertEquals(up ? low + 1 : low, rounded, value + "");
    }
    assertEquals(0x3f80, Elements.toBfloat16(Float.intBitsToFloat(0x3f808000)));
    assertEquals(0x3f82, Elements.toBfloat16(Float.intBitsToFloat(0x3f818000)));
    assertEquals((short) 0x7f80, Elements.toBfloat16(Float.MAX_VALUE));
  }

  @Test
  void aNanStaysOneInBfloat16() {
    for (int bits : new int[] {0x7f800001, 0x7fc00000, 0xffffffff, 0xff80ffff}) {
      int half = Elements.toBfloat16(Float.intBitsToFloat(bits));
      assertTrue(Float.isNaN(Float.intBitsToFloat(half << 16)), Integer.toHexString(bits));
    }
  }

  @Test
  void manyValuesAtOnceBecomeTheSameBfloat16AsOne() {
    Random random = new Random(8);
    for (int count : new int[] {0, 1, 2, 3, 4095, 4096, 4097, 100_001}) {
      ByteBuffer memory = ByteBuffer.allocateDirect(count * Float.BYTES);
      memory.order(ByteOrder.nativeOrder());
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        int bits = random.nextInt();
        // ties, infinities and NaNs among them
        values[i] =
            Float.intBitsToFloat(
                i % 5 == 0 ? bits | 0x7f800000 : i % 5 == 1 ? bits & 0xffff8000 : bits);
      }
      memory.asFloatBuffer().put(values);
      Elements.toBfloat16(memory);
      memory.order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < count; i++) {
        assertEquals(
            Elements.toBfloat16(values[i]), memory.getShort(2 * i), values[i] + " at " + i);
      }
    }
  }
}
