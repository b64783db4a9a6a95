package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RearrangedTest {
  /**
   * The kinds of order that the tables have, in memory that holds the whole array, some rows of it,
   * and less than one.
   */
  @ParameterizedTest
  @CsvSource({
    "3x2x3x5, 3 2 0 1, 90",
    "3x2x3x50, 3 2 0 1, 40",
    "70x40, 1 0, 500",
    "70x100, 1 0, 7000",
    "70x100, 1 0, 700",
    "100x33, 1 0, 1",
    "40x3x7, 1 2 0, 300",
    "3x70x40, 2 0 1, 1200",
    "4x70x33, 0 2 1, 3000",
    "4x70x33, 0 2 1, 100000",
    "1x70x33, 0 2 1, 200",
    "5x4x6x3, 2 0 3 1, 72",
    "5x4x6x3, 0 1 3 2, 72",
    "5x4x6x3, 1 0 2 3, 72"
  })
  void valuesComeInOrderWhateverFitsIntoMemory(String sizes, String wanted, int limit) {
    long[] axes = Arrays.stream(sizes.split("x")).mapToLong(Long::parseLong).toArray();
    int[] order = Arrays.stream(wanted.split(" ")).mapToInt(Integer::parseInt).toArray();
    float[] values = new float[(int) Arrays.stream(axes).reduce(1, (a, b) -> a * b)];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat();
    }
    ArrayMemory.Part stored =
        (first, memory) ->
            memory.asFloatBuffer().put(values, (int) first, memory.remaining() / Float.BYTES);
    float[] expected = oneByOne(values, axes, order);
    for (int piece : new int[] {1, 7, 64, values.length}) {
      List<Integer> bands = new ArrayList<>();
      Rearranged rearranged =
          new Rearranged(
              stored,
              axes,
              order,
              limit,
              length -> {
                bands.add(length);
                return new float[length];
              });
      assertArrayEquals(expected, inPieces(rearranged, values.length, piece), 0);
      int row = values.length / (int) axes[order[0]];
      assertTrue(bands.stream().allMatch(band -> band <= Math.max(limit, row)), bands.toString());
    }
  }

  private static float[] inPieces(Rearranged rearranged, int size, int piece) {
    float[] read = new float[size];
    ByteBuffer memory = ByteBuffer.allocate(piece * Float.BYTES).order(ByteOrder.nativeOrder());
    for (int at = 0; at < size; at += piece) {
      int n = Math.min(piece, size - at);
      rearranged.visit(at, memory.clear().limit(n * Float.BYTES));
      memory.clear().asFloatBuffer().get(read, at, n);
    }
    return read;
  }

  /** Every value looked up by itself. */
  private static float[] oneByOne(float[] values, long[] axes, int[] order) {
    float[] ours = new float[values.length];
    for (int from = 0; from < values.length; from++) {
      long[] index = new long[axes.length];
      long rest = from;
      for (int axis = axes.length - 1; axis >= 0; axis--) {
        index[axis] = rest % axes[axis];
        rest /= axes[axis];
      }
      long to = 0;
      for (int axis : order) {
        to = to * axes[axis] + index[axis];
      }
      ours[(int) to] = values[from];
    }
    return ours;
  }
}
