package dev.palimpsest.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.FloatArrays;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/**
 * Randomly initialised parameters, each as declared by its block. Equal seeds give equal bits on
 * every machine, and a parameter's values depend only on the seed and its name.
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
    return random(parent, Architecture.of(config), resolution, seed);
  }

  /** Parameters of a network of any towers. */
  public static Parameters random(
      NDManager parent, Architecture architecture, int resolution, long seed) {
    return random(parent, architecture.blocks(resolution), seed);
  }

  /** Parameters of these blocks. */
  static Parameters random(NDManager parent, List<BlockSpec> blocks, long seed) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (BlockSpec block : blocks) {
      for (BlockSpec.Parameter p : block.parameters()) {
        float[] values = values(block.name(p), p.init(), p.shape(), seed);
        // What is made of a Java array lies in the JVM's buffers, which have a limit: a copy does
        // not.
        try (NDArray made = own.create(values, p.shape())) {
          arrays.put(block.name(p), FloatArrays.copy(own, own.getDevice(), made));
        }
      }
    }
    return new Parameters(own, arrays);
  }

  /**
   * Initialises some parameters anew, in place. The last layer of a connector becomes zero, as at
   * the start of PaliGemma's first stage.
   *
   * @param wanted which, by name
   */
  public static void again(
      Parameters parameters,
      ModelConfig config,
      int resolution,
      long seed,
      Predicate<String> wanted) {
    for (BlockSpec block : Architecture.of(config).blocks(resolution)) {
      for (BlockSpec.Parameter p : block.parameters()) {
        String name = block.name(p);
        if (wanted.test(name)) {
          Init init = name.equals("connector/kernel") ? Init.ZEROS : p.init();
          NDArray array = parameters.get(name);
          try (NDArray values =
              array.getManager().create(values(name, init, p.shape(), seed), p.shape())) {
            FloatArrays.assign(array, values);
          }
        }
      }
    }
  }

  /** Values of one parameter, in row-major order. */
  static float[] values(String name, Init init, Shape shape, long seed) {
    float[] values = new float[Math.toIntExact(shape.size())];
    SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + hash(name));
    switch (init.distribution()) {
      case CONSTANT -> Arrays.fill(values, (float) init.size());
      case UNIFORM -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) ((2 * random.nextDouble() - 1) * init.size());
        }
      }
      case NORMAL -> fillNormal(values, init.size(), random);
    }
    return values;
  }

  /** Marsaglia's polar method. */
  private static void fillNormal(float[] values, double deviation, SplittableRandom random) {
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
