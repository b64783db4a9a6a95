package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Freshly drawn parameters: equal seeds give equal bits on every machine, and a parameter's draw
 * depends on the seed and its name alone.
 *
 * <p>The image tower is big_vision's (models/vit.py): Xavier-uniform kernels, MLP biases normal
 * with deviation 1e-6, position embedding normal with deviation width^-0.5. The decoder's matrices
 * are normal with deviation fan-in^-0.5, its embedding with deviation width^-0.5, its norm scales
 * zero. The connector is normal too: a connector of zeros, as at the released start of stage 1,
 * makes all image tokens alike, so it is left to the stage to ask for.
 */
public final class Initialization {
  private Initialization() {}

  /**
   * Parameters of a model.
   *
   * @param parent manager whose new child holds them
   * @param resolution S, which sets the number of position embeddings
   */
  public static Parameters random(NDManager parent, ModelConfig config, int resolution, long seed) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    ParameterSpecs.of(config, resolution)
        .forEach((name, shape) -> arrays.put(name, own.create(values(name, shape, seed), shape)));
    return new Parameters(own, arrays);
  }

  /** Values of one parameter of {@link ParameterSpecs}, in row order. */
  public static float[] values(String name, Shape shape, long seed) {
    float[] values = new float[Math.toIntExact(shape.size())];
    SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + hash(name));
    if (name.startsWith("vision/") && name.endsWith("/kernel")) {
      long fanOut = shape.get(0);
      long fanIn = shape.size() / fanOut;
      if (shape.dimension() == 4) {
        fanOut *= shape.get(2) * shape.get(3); // a convolution's receptive field counts both ways
      }
      double limit = Math.sqrt(6.0 / (fanIn + fanOut));
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) ((2 * random.nextDouble() - 1) * limit);
      }
    } else if (name.startsWith("vision/") && name.endsWith("/scale")) {
      Arrays.fill(values, 1);
    } else {
      fillNormal(values, deviation(name, shape), random);
    }
    return values;
  }

  private static double deviation(String name, Shape shape) {
    if (name.startsWith("vision/") && name.contains("/mlp/") && name.endsWith("/bias")) {
      return 1e-6;
    }
    if (name.endsWith("/bias") || name.endsWith("/scale")) {
      return 0;
    }
    return 1 / Math.sqrt((double) shape.get(shape.dimension() - 1)); // fan-in; an embedding's width
  }

  /** Marsaglia's polar method. */
  private static void fillNormal(float[] values, double deviation, SplittableRandom random) {
    if (deviation == 0) {
      return;
    }
    for (int i = 0; i < values.length; i += 2) {
      double u;
      double v;
      double s;
      do {
        u = 2 * random.nextDouble() - 1;
        v = 2 * random.nextDouble() - 1;
        s = u * u + v * v;
      } while (s >= 1 || s == 0);
      double factor = deviation * StrictMath.sqrt(-2 * StrictMath.log(s) / s);
      values[i] = (float) (u * factor);
      if (i + 1 < values.length) {
        values[i + 1] = (float) (v * factor);
      }
    }
  }

  /** FNV-1a, 64 bits. */
  private static long hash(String name) {
    long hash = 0xCBF29CE484222325L;
    for (int i = 0; i < name.length(); i++) {
      hash = (hash ^ name.charAt(i)) * 0x100000001B3L;
    }
    return hash;
  }
}
