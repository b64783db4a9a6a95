package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.published.Rearrangement.Runs;
import dev.palimpsest.checkpoints.tensors.ArrayMemory;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorInfo;
import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.files.Durable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RearrangementTest {
  /** Sizes of the foreign axes, then the order of those axes in ours. */
  @ParameterizedTest(name = "{0} of {1}")
  @CsvSource({
    "d m -> m d, 5x7, 1 0",
    "d m -> m d, 2100x2103, 1 0", // more than is moved at once
    "d m -> m d, 3x100, 1 0",
    "d h k -> (h k) d, 35x3x17, 1 2 0",
    "h k d -> d (h k), 3x17x35, 2 0 1",
    "h d k -> (h k) d, 3x35x18, 0 2 1",
    "h d k -> (h k) d, 4x1100x1031, 0 2 1",
    "p q c d -> d c p q, 4x4x3x19, 3 2 0 1",
    "h d k -> (h k) d, 1x33x1, 0 2 1",
    "d m -> m d, 1x9, 1 0"
  })
  void everyElementIsWrittenInItsPlace(
      String form, String sizes, String order, @TempDir Path folder) throws IOException {
    long[] foreign = numbers(sizes, "x");
    long[] axes = numbers(order, " ");
    Shape shape = new Shape(foreign);
    // Each element is its own place in the foreign order; ours is made by walking in our order.
    float[] ours = new float[(int) shape.size()];
    long[] strides = new long[foreign.length];
    long stride = 1;
    for (int i = foreign.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= foreign[i];
    }
    for (int i = 0; i < ours.length; i++) {
      long rest = i;
      long place = 0;
      for (int a = axes.length - 1; a >= 0; a--) {
        place += rest % foreign[(int) axes[a]] * strides[(int) axes[a]];
        rest /= foreign[(int) axes[a]];
      }
      ours[i] = place;
    }
    Rearrangement rearrangement = Rearrangement.parse(form);
    assertTrue(rearrangement.moves());
    Path file = folder.resolve("x.safetensors");
    try (NDManager manager = NDManager.newBaseManager()) {
      NDArray array = manager.create(ours);
      Durable.file(
          file,
          channel ->
              SafetensorsWriter.write(
                  channel,
                  List.of(
                      new Tensor(
                          new TensorInfo("x", ElementType.F32, shape),
                          out ->
                              out.writeInOrder(
                                  shape.size(),
                                  rearrangement.foreign(part(array), shape, float[]::new))))));
    }
    float[] expected = new float[ours.length];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = i;
    }
    Runs runs = rearrangement.runs(shape);
    for (int i = 0; i < ours.length; i++) {
      assertEquals(i, ours[(int) runs.ours(i)]);
      int inRun = i + (int) runs.left(i) - 1;
      assertEquals(inRun, ours[(int) (runs.ours(i) + (runs.left(i) - 1) * runs.stride())]);
    }
    try (SafetensorsFile written = SafetensorsFile.open(file)) {
      assertArrayEquals(expected, written.floats("x"));
    }
  }

  private static ArrayMemory.Part part(NDArray array) {
    float[] values = array.toFloatArray();
    return (first, memory) ->
        memory.asFloatBuffer().put(values, (int) first, memory.remaining() / Float.BYTES);
  }

  private static long[] numbers(String text, String between) {
    return List.of(text.split(between)).stream().mapToLong(Long::parseLong).toArray();
  }
}
