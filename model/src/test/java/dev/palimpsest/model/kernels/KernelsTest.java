package dev.palimpsest.model.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.Golden;
import dev.palimpsest.model.WithKernels;
import dev.palimpsest.model.blocks.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class KernelsTest extends WithKernels {

  /**
   * Case 10: six updates by big_vision's chain in float64, some of them clipped; as a CPU computes
   * them, and as a GPU does, with single operations and with the fused one.
   */
  @ParameterizedTest
  @ValueSource(strings = {"cpu", "single", "fused"})
  void adamFollowsReferenceOverSixUpdates(String way) {
    Golden.Tensors steps = Golden.safetensors("case10_adam/steps.safetensors");
    JsonNode expected = Golden.json("case10_adam/expected.json");
    JsonNode hyper = expected.get("hyper");
    List<String> decayed = new ArrayList<>();
    expected.get("wd_on").forEach(name -> decayed.add(name.asText()));
    Map<String, NDArray> start = new TreeMap<>();
    Map<String, Shape> shapes = new TreeMap<>();
    for (String name : steps.byName().keySet()) {
      if (name.startsWith("params/0/")) {
        NDArray array = steps.get(name).array(manager);
        start.put(name.substring("params/0/".length()), array);
        shapes.put(name.substring("params/0/".length()), array.getShape());
      }
    }
    Parameters parameters = new Parameters(manager.newSubManager(), start);
    Parameters mus = Parameters.zeros(manager, shapes);
    Parameters nus = Parameters.zeros(manager, shapes);
    int n = 0;
    for (JsonNode step : expected.get("steps")) {
      int index = n++;
      Map<String, NDArray> raw = new TreeMap<>();
      for (String name : parameters.names()) {
        raw.put(name, steps.get("grads/" + index + "/" + name).array(manager));
      }
      Parameters gradients = new Parameters(manager.newSubManager(), raw);
      double norm = kernels.l2Norm(List.copyOf(raw.values()));
      assertEquals(step.get("l2_grads").asDouble(), norm, 1e-6 * norm);
      double schedule = step.get("sched").asDouble();
      double updates = 0;
      double squares = 0;
      for (String name : parameters.names()) {
        List<List<NDArray>> arrays =
            Stream.of(parameters, gradients, mus, nus).map(set -> List.of(set.get(name))).toList();
        AdamUpdate update =
            new AdamUpdate(
                Math.min(1, hyper.get("clip").asDouble() / norm),
                hyper.get("b1").asDouble(),
                hyper.get("b2").asDouble(),
                hyper.get("eps").asDouble(),
                index + 1,
                hyper.get("lr").asDouble() * schedule,
                decayed.contains(name) ? hyper.get("wd").asDouble() * schedule : 0);
        SquaredNorms norms =
            adam(way.equals("fused") && schedule == 0 ? "single" : way, arrays, update);
        updates += norms.updates();
        squares += norms.parameters();
      }
      assertEquals(step.get("l2_updates").asDouble(), Math.sqrt(updates), 1e-6);
      assertEquals(step.get("l2_params").asDouble(), Math.sqrt(squares), 1e-5);
      for (String name : parameters.names()) {
        String at = "/" + (index + 1) + "/" + name;
        assertClose(steps.get("params" + at), parameters.get(name), "params" + at);
        assertClose(steps.get("mu" + at), mus.get(name), "mu" + at);
        assertClose(steps.get("nu" + at), nus.get(name), "nu" + at);
      }
    }
    assertEquals(6, n);
  }

  private SquaredNorms adam(String way, List<List<NDArray>> arrays, AdamUpdate update) {
    return way.equals("cpu")
        ? kernels.adam(arrays.get(0), arrays.get(1), arrays.get(2), arrays.get(3), update)
        : kernels.adam(
            arrays.get(0),
            arrays.get(1),
            arrays.get(2),
            arrays.get(3),
            update,
            way.equals("fused"));
  }

  /**
   * The CPU's way and libtorch's single operations differ by a few roundings, whatever the momentum
   * is stored in; rounded to bfloat16 it may differ in the last place.
   */
  @ParameterizedTest
  @EnumSource(Precision.class)
  void bothWaysOfAdamDoTheSame(Precision momentum) {
    int n = 140_001; // a piece, and a part of one that ends within a block
    Random random = new Random(3);
    List<List<NDArray>> cpu = new ArrayList<>();
    List<List<NDArray>> single = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      float[] values = gaussian(random, n);
      if (i == 3) { // squares
        for (int j = 0; j < n; j++) {
          values[j] *= values[j];
        }
      }
      Precision type = i == 2 ? momentum : Precision.F32;
      cpu.add(List.of(FloatArrays.converted(manager, manager.create(values), type)));
      single.add(List.of(FloatArrays.converted(manager, manager.create(values), type)));
    }
    AdamUpdate update = new AdamUpdate(0.3, 0.9, 0.95, 1e-8, 7, 0.01, 0.001);
    SquaredNorms first = adam("cpu", cpu, update);
    SquaredNorms second = adam("single", single, update);
    assertEquals(second.updates(), first.updates(), 1e-6 * second.updates());
    assertEquals(second.parameters(), first.parameters(), 1e-6 * second.parameters());
    for (int i = 0; i < 4; i++) {
      float[] mine =
          FloatArrays.converted(manager, cpu.get(i).get(0), Precision.F32).toFloatArray();
      float[] theirs =
          FloatArrays.converted(manager, single.get(i).get(0), Precision.F32).toFloatArray();
      int differ = 0;
      double place = i == 2 && momentum == Precision.BF16 ? 1.0 / 128 : 1e-6;
      for (int j = 0; j < n; j++) {
        assertEquals(theirs[j], mine[j], place * Math.abs(theirs[j]) + 1e-6);
        differ += mine[j] == theirs[j] ? 0 : 1;
      }
      assertTrue(place < 0.001 || differ < n / 1000, differ + " roundings differ");
    }
  }

  /**
   * Sums are made in another order: the mean squares of 210 rows or 700 columns, to within 1e-6.
   * With a clip the directions are divided by a limit above one.
   */
  @ParameterizedTest
  @CsvSource({"F32, 0, 0.9", "F32, 0.1, 0.9", "BF16, 0.1, 0.9", "F32, 0.1, 0"})
  void bothWaysOfAdafactorDoTheSame(Precision type, double clip, double beta1) {
    Shape shape = new Shape(210, 700); // stripes of 3 and of 4 rows
    Random random = new Random(3);
    List<List<NDArray>> ways = List.of(new ArrayList<>(), new ArrayList<>());
    for (Shape part : List.of(shape, shape, shape, new Shape(210), new Shape(700))) {
      float[] values = gaussian(random, Math.toIntExact(part.size()));
      boolean isMeans = part.dimension() == 1;
      for (int i = 0; i < values.length; i++) {
        values[i] = isMeans ? 0.1f + values[i] * values[i] : values[i];
      }
      for (List<NDArray> arrays : ways) {
        arrays.add(
            converted(manager.create(values, part), arrays.size() == 2 ? type : Precision.F32));
      }
    }
    AdafactorUpdate update = new AdafactorUpdate(0.3, beta1, 0.8, clip, 0.01, 0.001);
    List<SquaredNorms> norms = new ArrayList<>();
    for (List<NDArray> arrays : ways) {
      List<NDArray> momentum = beta1 > 0 ? List.of(arrays.get(2)) : List.of();
      List<NDArray> second = arrays.subList(3, 5);
      for (int turn = 0; turn < 2; turn++) {
        norms.add(
            arrays == ways.get(0)
                ? kernels.adafactor(arrays.get(0), arrays.get(1), momentum, second, update)
                : kernels.scriptedAdafactor(
                    arrays.get(0), arrays.get(1), momentum, second, update));
      }
    }
    for (int turn = 0; turn < 2; turn++) {
      SquaredNorms java = norms.get(turn);
      SquaredNorms scripted = norms.get(2 + turn);
      assertEquals(scripted.updates(), java.updates(), 1e-5 * scripted.updates());
      assertEquals(scripted.parameters(), java.parameters(), 1e-6 * scripted.parameters());
    }
    for (int i = 0; i < 5; i++) {
      float[] java = converted(ways.get(0).get(i), Precision.F32).toFloatArray();
      float[] scripted = converted(ways.get(1).get(i), Precision.F32).toFloatArray();
      double place = i == 2 && type == Precision.BF16 ? 1.0 / 128 : 2e-6;
      for (int j = 0; j < java.length; j++) {
        assertEquals(scripted[j], java[j], place * Math.abs(scripted[j]) + 1e-6, "array " + i);
      }
    }
  }

  @Test
  void adamTreatsListsAndLargeArraysLikeSingleElements() {
    // 300000 elements span several pieces; every element has the same history as the single one.
    List<NDArray> large = List.of(manager.ones(new Shape(600, 500)), manager.ones(new Shape(7)));
    List<NDArray> gradients =
        List.of(manager.full(new Shape(600, 500), 0.5f), manager.full(new Shape(7), 0.5f));
    AdamUpdate update = new AdamUpdate(0.5, 0.9, 0.999, 1e-8, 1, 0.1, 0.01);
    SquaredNorms norms = kernels.adam(large, gradients, zerosLike(large), zerosLike(large), update);
    double change = 0.1 + 0.01; // the first Adam step has size one
    for (NDArray array : large) {
      for (float value : array.toFloatArray()) {
        assertEquals(1 - change, value, 1e-6);
      }
    }
    assertEquals(300007 * change * change, norms.updates(), 1e-3);
    assertEquals(300007 * (1 - change) * (1 - change), norms.parameters(), 1e-1);
    assertArrayEquals(new float[] {0.5f, 0.5f}, gradients.get(1).get("0:2").toFloatArray());
  }

  /** In its own format and in float32, sums are rounded once: to within half a unit of 2^-8. */
  @ParameterizedTest
  @ValueSource(strings = {"bfloat16.py", "bfloat16_emulated.py"})
  void bfloat16ProductsAreRoundedOnce(String bfloat16) {
    try (Kernels own = with("multiply.py", bfloat16)) {
      assertProducts(own, Precision.BF16, 40, 50, 300, 1.0 / 256);
    }
  }

  /**
   * Ways for one, two, three and more rows, each with operands that are small and large to them.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 31})
  void aFewRowsAreMultipliedAsManyAre(int rows) {
    for (String library : List.of("multiply.py", "multiply_onednn.py")) {
      try (Kernels own = with(library, "bfloat16_emulated.py")) {
        for (Precision type : Precision.values()) {
          double unit = type == Precision.BF16 ? 1.0 / 256 : 1.0 / (1 << 24);
          assertProducts(own, type, rows, 50, 300, unit);
          assertProducts(own, type, rows, 2112, 2000, unit); // in 64 parts, in pieces of 262 rows
          assertProducts(own, type, rows, 2050, 2050, unit); // in no such parts
        }
      }
    }
  }

  /**
   * Compares x w^T with sums in double precision.
   *
   * @param unit how far rounding the sum moves it, relatively
   */
  private void assertProducts(
      Kernels own, Precision type, int rows, int outputs, int width, double unit) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray a = FloatArrays.converted(scope, scope.randomNormal(new Shape(rows, width)), type);
      NDArray b = FloatArrays.converted(scope, scope.randomNormal(new Shape(outputs, width)), type);
      float[] x = FloatArrays.converted(scope, a, Precision.F32).toFloatArray();
      float[] w = FloatArrays.converted(scope, b, Precision.F32).toFloatArray();
      NDArray product = own.modelProduct(scope, a, b);
      assertEquals(type, FloatArrays.type(product));
      assertEquals(new Shape(rows, outputs), product.getShape());
      float[] y = FloatArrays.converted(scope, product, Precision.F32).toFloatArray();
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < outputs; j++) {
          double exact = 0;
          double sizes = 0;
          for (int k = 0; k < width; k++) {
            double term = (double) x[i * width + k] * w[j * width + k];
            exact += term;
            sizes += Math.abs(term);
          }
          // The float32 sum is off by less than width * 2^-24 of the terms' sizes.
          double tolerance = Math.abs(exact) * unit + sizes * width / (1 << 24);
          assertEquals(exact, y[i * outputs + j], tolerance);
        }
      }
    }
  }

  /**
   * Of two sequences the first has an example of 9 tokens, 6 of them prefix, and the second two of
   * 4 and 3, of which the last has no suffix, and two places of filler.
   */
  @ParameterizedTest
  @CsvSource({"F32, bfloat16.py", "BF16, bfloat16.py", "BF16, bfloat16_emulated.py"})
  void attentionInPartsIsAttentionWithAMask(Precision type, String bfloat16) {
    int length = 9;
    int head = 8;
    long[] spans = {0, 0, 6, 9, 1, 0, 2, 4, 1, 4, 7, 7};
    float[] mask = new float[2 * length * length];
    Arrays.fill(mask, Float.NEGATIVE_INFINITY);
    for (int s = 0; s < spans.length; s += 4) {
      for (long i = spans[s + 1]; i < spans[s + 3]; i++) {
        for (long j = spans[s + 1]; j < Math.max(spans[s + 2], i + 1); j++) {
          mask[(int) ((spans[s] * length + i) * length + j)] = 0;
        }
      }
    }
    for (int filler = 7; filler < length; filler++) {
      mask[(length + filler) * length + filler] = 0;
    }
    NDArray added = manager.create(mask, new Shape(2, 1, length, length));
    NDArray q = converted(manager.randomNormal(new Shape(2, 4, length, head)), type);
    NDArray k = converted(manager.randomNormal(new Shape(2, 2, length, head)), type);
    NDArray v = converted(manager.randomNormal(new Shape(2, 2, length, head)), type);
    try (Kernels own = with("multiply.py", bfloat16)) {
      float[] whole = attended(own, q, k, v, added, new long[0]);
      float[] parts = attended(own, q, k, v, added, spans);
      for (int i = 0; i < whole.length; i++) {
        if (i / (4 * head) < 2 * length - 2) {
          assertEquals(whole[i], parts[i], type == Precision.F32 ? 1e-6 : 0.03);
        } else {
          assertEquals(0, parts[i]);
        }
      }
    }
  }

  private NDArray converted(NDArray array, Precision type) {
    return FloatArrays.converted(manager, array, type);
  }

  private float[] attended(
      Kernels own, NDArray q, NDArray k, NDArray v, NDArray mask, long[] spans) {
    NDArray out =
        own.array(
            manager, "attend", q, k, v, mask, spans, 1 / Math.sqrt(8), 0.0, List.<NDArray>of());
    return converted(out, Precision.F32).toFloatArray();
  }

  /** A processor uses one of the two; both give products to within the rounding of sums. */
  @ParameterizedTest
  @CsvSource({"300, 200", "200, 300"})
  void bothLibrariesGiveTheSameProducts(int outputs, int width) {
    int rows = 128; // enough for oneDNN to be asked
    NDArray x = manager.randomNormal(new Shape(rows, width));
    NDArray w = manager.randomNormal(new Shape(outputs, width));
    NDArray dy = manager.randomNormal(new Shape(rows, outputs));
    try (Kernels blas = with("multiply.py", "bfloat16.py");
        Kernels oneDnn = with("multiply_onednn.py", "bfloat16.py")) {
      assertNear(blas.modelProduct(manager, x, w), oneDnn.modelProduct(manager, x, w));
      NDArray gradient = oneDnn.array(manager, "multiply_transposed", dy, x);
      assertEquals(new Shape(outputs, width), gradient.getShape());
      assertNear(blas.array(manager, "multiply_transposed", dy, x), gradient);
    }
  }

  /** Sums of some 200 numbers of size 1 in float32. */
  private static void assertNear(NDArray expected, NDArray actual) {
    assertArrayEquals(expected.toFloatArray(), actual.toFloatArray(), 1e-4f);
  }

  private static Kernels with(String multiply, String bfloat16) {
    return Kernels.load(Device.cpu(), List.of("products.py", multiply, bfloat16));
  }

  @Test
  void normOfManyEqualElementsKeepsItsPrecision() {
    List<NDArray> arrays = List.of(manager.full(new Shape(5_000_000), 0.1f));
    double expected = Math.sqrt(5e6) * 0.1f;
    assertEquals(expected, kernels.l2Norm(arrays), 1e-6 * expected);
  }

  /** Java's sums of squares are those of the script for a GPU: the whole, then each array's. */
  @Test
  void normsAreThoseOfTheScript() {
    List<NDArray> arrays =
        List.of(
            manager.randomNormal(new Shape(1000, 300)),
            manager.randomNormal(new Shape(7)),
            manager.randomNormal(new Shape(1 << 17)));
    double[] norms = kernels.squaredNorms(arrays);
    double[] expected = kernels.array(manager, "squared_norms", arrays).toDoubleArray();
    assertEquals(1 + arrays.size(), norms.length);
    for (int i = 0; i < norms.length; i++) {
      assertEquals(expected[i], norms[i], 1e-6 * expected[i]);
    }
    float[] pieces = kernels.squaredSums(manager, arrays);
    assertArrayEquals(
        kernels.array(manager, "squared_sums", arrays).toFloatArray(), pieces, 1e-6f * (1 << 17));
  }

  @Test
  void aMistakeInASourceIsReported() {
    var e = assertThrows(EngineException.class, () -> kernels.require("broken.py"));
    assertTrue(String.valueOf(e.getMessage()).contains("no_such_operation"), e.toString());
  }

  @Test
  void aTowersKernelMustNotHaveTheNameOfAnother() {
    kernels.require("layer.py");
    kernels.require("layer.py"); // again: nothing happens
    var e = assertThrows(IllegalStateException.class, () -> kernels.require("layer_again.py"));
    assertEquals("the kernel layer of layer_again.py has the name of another", e.getMessage());
    var missing = assertThrows(IllegalStateException.class, () -> kernels.require("none.py"));
    assertEquals("kernel source none.py is missing from the class path", missing.getMessage());
  }

  /** Sizes above the threshold from which float32 products leave matmul. */
  @Test
  void largeProductsMatchFloat64() {
    Random random = new Random(1);
    float[] a = gaussian(random, 256 * 200);
    float[] b = gaussian(random, 300 * 200);
    float[] bias = gaussian(random, 300);
    float[] product =
        kernels
            .array(
                manager,
                "multiply",
                manager.create(a, new Shape(256, 200)),
                manager.create(b, new Shape(300, 200)),
                manager.create(bias))
            .toFloatArray();
    for (int i = 0; i < 256; i += 5) {
      for (int o = 0; o < 300; o += 7) {
        double expected = bias[o];
        for (int c = 0; c < 200; c++) {
          expected += (double) a[i * 200 + c] * b[o * 200 + c];
        }
        assertEquals(expected, product[i * 300 + o], 1e-4); // values of size sqrt(200)
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"200, 300", "300, 200"})
  void transposedProductsMatchFloat64(int left, int right) {
    Random random = new Random(2);
    float[] a = gaussian(random, 256 * left);
    float[] b = gaussian(random, 256 * right);
    float[] product =
        kernels
            .array(
                manager,
                "multiply_transposed",
                manager.create(a, new Shape(256, left)),
                manager.create(b, new Shape(256, right)))
            .toFloatArray();
    for (int i = 0; i < left; i += 5) {
      for (int j = 0; j < right; j += 7) {
        double expected = 0;
        for (int r = 0; r < 256; r++) {
          expected += (double) a[r * left + i] * b[r * right + j];
        }
        assertEquals(expected, product[i * right + j], 1e-4);
      }
    }
  }

  /**
   * What a GPU computes with one product for all heads is what a CPU computes one after another, to
   * within the rounding of sums of some 40 numbers; in bfloat16 to within that of logits of size 4.
   */
  @ParameterizedTest
  @CsvSource({"F32, 0, 1e-6", "F32, 50, 1e-6", "BF16, 50, 4e-2"})
  void attentionOfAllHeadsAtOnceIsThatOfOneAfterAnother(
      Precision precision, double softcap, float tolerance) {
    int examples = 3;
    int heads = 8;
    int shared = 2; // heads with keys
    int length = 40;
    int size = 16;
    NDArray q = attended(new Shape(examples, heads, length, size), precision);
    NDArray k = attended(new Shape(examples, shared, length, size), precision);
    NDArray v = attended(new Shape(examples, shared, length, size), precision);
    float[] hidden = new float[examples * length * length];
    for (int i = 0; i < hidden.length; i++) {
      boolean isPrefix = i % length < 7 * (1 + i / (length * length));
      boolean isBefore = i % length <= i / length % length;
      hidden[i] = isPrefix || isBefore ? 0 : Float.NEGATIVE_INFINITY;
    }
    NDArray mask = manager.create(hidden, new Shape(examples, 1, length, length));
    NDArray one =
        kernels.array(
            manager, "attend", q, k, v, mask, new long[0], 0.25, softcap, List.<NDArray>of());
    NDArray all = kernels.array(manager, "attend_together", q, k, v, mask, 0.25, softcap);
    NDArray laid =
        FloatArrays.converted(manager, all, Precision.F32)
            .transpose(0, 2, 1, 3)
            .reshape(one.getShape());
    assertArrayEquals(
        FloatArrays.converted(manager, one, Precision.F32).toFloatArray(),
        laid.toFloatArray(),
        tolerance);
  }

  private NDArray attended(Shape shape, Precision precision) {
    return FloatArrays.converted(manager, manager.randomNormal(shape), precision);
  }

  private static float[] gaussian(Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static List<NDArray> zerosLike(List<NDArray> arrays) {
    return arrays.stream().map(NDArray::zerosLike).toList();
  }

  private static void assertClose(Golden.Tensor expected, NDArray actual, String message) {
    float[] values = actual.toFloatArray();
    for (int i = 0; i < values.length; i++) {
      float wanted = expected.values()[i];
      assertEquals(wanted, values[i], 1e-7 + 1e-5 * Math.abs(wanted), message + " at " + i);
    }
  }
}
