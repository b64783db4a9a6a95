package dev.palimpsest.stages.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoints.tensors.SafetensorsWriter;
import dev.palimpsest.checkpoints.tensors.TensorOutput;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.AdafactorConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Five updates of big_vision's own optimizers (optax.py, scale_by_adafactor, and optax's
 * scale_by_adam with a bfloat16 first moment, under jit). big_vision factors arrays of more than
 * two dimensions over the two largest; ours have two, so those of the reference are cut into
 * matrices first.
 */
class OptimizerReferenceTest {
  /**
   * Momentum that float32 brings close to the middle between two bfloat16 values may be rounded to
   * the other one, at one value in a thousand; the next update shows it.
   */
  private static final double BFLOAT16_STEP = 1.0 / 128;

  private static final NDManager root = NDManager.newBaseManager(Device.cpu());
  private static final Kernels kernels = Kernels.load();

  @AfterAll
  static void close() {
    kernels.close();
    root.close();
  }

  private static JsonNode expected(String name) throws IOException {
    try (InputStream in =
        OptimizerReferenceTest.class.getResourceAsStream("/golden/" + name + "_expected.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  private static TensorSource open(String name) throws Exception {
    return TensorSource.open(
        Path.of(
            Objects.requireNonNull(
                    OptimizerReferenceTest.class.getResource("/golden/" + name + ".safetensors"))
                .toURI()));
  }

  private static OptimizerConfig config(
      double beta1,
      double rate,
      double clip,
      double decay,
      ScheduleConfig schedule,
      @Nullable Precision momentum,
      @Nullable AdafactorConfig adafactor) {
    return new OptimizerConfig(
        rate,
        beta1,
        0.999,
        1e-8,
        clip,
        decay,
        ".*/kernel(#.*)?",
        schedule,
        Map.of(),
        momentum,
        adafactor);
  }

  @ParameterizedTest
  @ValueSource(strings = {"default_schedule", "cap_reached", "clip_no_momentum"})
  void adafactorIsBigVisions(String variant) throws Exception {
    JsonNode settings =
        expected("adafactor").required("variants").required(variant).required("settings");
    int before = -settings.required("decay_offset").asInt();
    double clip = settings.required("clipping_threshold").asDouble(0);
    OptimizerConfig config =
        config(
            settings.required("momentum").asDouble(0),
            1,
            0,
            0,
            new ScheduleConfig.Constant(0, 0),
            Precision.BF16,
            new AdafactorConfig(
                settings.required("decay_rate").asDouble(),
                settings.required("beta2_cap").asDouble(),
                clip,
                settings.required("min_dim_size_to_factor").asInt()));
    try (TensorSource reference = open("adafactor");
        NDManager manager = root.newSubManager()) {
      List<String> names =
          names(reference).stream()
              .filter(name -> clip == 0 || reference.shape("params/0/" + name).dimension() < 3)
              .toList();
      Map<String, Part> parts = parts(reference, names);
      Trainer trainer = new Trainer(manager, config, parts, "params/0/", reference, before);
      for (int step = 0; step < 5; step++) {
        trainer.state.parameters().asMap().values().forEach(array -> array.muli(0));
        trainer.step(reference, step, 0);
        String prefix = variant + "/updates/" + step + "/";
        if (reference.contains(prefix + "a/kernel")) {
          Differences updates = new Differences();
          for (String name : parts.keySet()) {
            updates.add(
                negated(trainer.state.parameters().get(name)),
                part(parts, name).of(reference, prefix));
          }
          updates.check(config.beta1() > 0 ? 1e-3 : 0, 1e-5, BFLOAT16_STEP);
        }
      }
      String state = variant + "/state/4/";
      Differences second = new Differences();
      Differences momentum = new Differences();
      for (String name : parts.keySet()) {
        Part part = part(parts, name);
        if (trainer.state.moments(Adafactor.WHOLE).contains(name)) {
          second.add(
              trainer.state.moments(Adafactor.WHOLE).get(name).toFloatArray(),
              part.of(reference, state + "v/"));
        } else {
          second.add(
              trainer.state.moments(Adafactor.ROWS).get(name).toFloatArray(),
              part.statistic(reference, state, 0));
          second.add(
              trainer.state.moments(Adafactor.COLUMNS).get(name).toFloatArray(),
              part.statistic(reference, state, 1));
        }
        if (config.beta1() > 0) {
          momentum.add(
              stored(trainer.state.moments(Adafactor.MOMENTUM).get(name)),
              part.of(reference, state + "momentum/"));
        }
      }
      second.check(0, 1e-5, 0);
      momentum.check(1e-3, 0, BFLOAT16_STEP);
    }
  }

  @Test
  void adamWithBfloat16MomentumIsOptaxs() throws Exception {
    OptimizerConfig config =
        config(0.9, 1, 0, 0, new ScheduleConfig.Constant(0, 0), Precision.BF16, null);
    try (TensorSource reference = open("adam_bf16");
        NDManager manager = root.newSubManager()) {
      Map<String, Part> parts = parts(reference, names(reference));
      Trainer trainer = new Trainer(manager, config, parts, "params/0/", reference, 0);
      for (int step = 0; step < 5; step++) {
        trainer.state.parameters().asMap().values().forEach(array -> array.muli(0));
        trainer.step(reference, step, 0);
        String prefix = "mu_bf16/updates/" + step + "/";
        Differences updates = new Differences();
        for (String name : parts.keySet()) {
          if (reference.contains(prefix + name)) {
            updates.add(
                negated(trainer.state.parameters().get(name)),
                part(parts, name).of(reference, prefix));
          }
        }
        // optax computes the bias correction in float32, where 1 - 0.999 is off by 1.3e-5.
        updates.check(1e-3, 2e-5, BFLOAT16_STEP);
      }
      Differences mu = new Differences();
      Differences nu = new Differences();
      for (String name : parts.keySet()) {
        mu.add(
            stored(trainer.state.moments("mu").get(name)),
            part(parts, name).of(reference, "mu_bf16/state/4/mu/"));
        nu.add(
            trainer.state.moments("nu").get(name).toFloatArray(),
            part(parts, name).of(reference, "mu_bf16/state/4/nu/"));
      }
      mu.check(1e-3, 0, BFLOAT16_STEP);
      nu.check(0, 1e-6, 0);
    }
  }

  /** Clip, optimizer, rate, decay and schedule together, as big_vision's training applies them. */
  @ParameterizedTest
  @ValueSource(strings = {"adafactor", "adam_bf16"})
  void theWholeChainIsBigVisions(String name) throws Exception {
    JsonNode chain = expected(name).required("variants").required("chain");
    JsonNode given = chain.required("config");
    JsonNode schedule = given.required("schedule");
    assertEquals("cosine", schedule.required("decay_type").asText());
    OptimizerConfig config =
        config(
            0.9,
            given.required("lr").asDouble(),
            given.required("grad_clip_norm").asDouble(),
            given.required("wd").asDouble(),
            new ScheduleConfig.Cosine(schedule.required("warmup_steps").asLong(), 0),
            Precision.BF16,
            name.equals("adafactor")
                ? new AdafactorConfig(
                    0.8, given.required("optax").path("beta2_cap").asDouble(0.999), 0, 32)
                : null);
    try (TensorSource reference = open(name);
        NDManager manager = root.newSubManager()) {
      Map<String, Part> parts = parts(reference, names(reference));
      Trainer trainer =
          new Trainer(
              manager,
              config,
              parts,
              "params/0/",
              reference,
              0,
              chain.required("total_steps").asLong());
      for (int step = 0; step < 5; step++) {
        trainer.step(reference, step, -1);
      }
      for (String parameter : parts.keySet()) {
        float[] wanted = part(parts, parameter).of(reference, "chain/params/5/");
        float[] actual = trainer.state.parameters().get(parameter).toFloatArray();
        for (int i = 0; i < wanted.length; i++) {
          assertEquals(wanted[i], actual[i], 1e-6 * Math.abs(wanted[i]) + 1e-7, parameter);
        }
      }
    }
  }

  /** An optimizer with its state. */
  private static final class Trainer {
    private final NDManager manager;
    private final Optimizer optimizer;
    private final Map<String, Part> parts;
    private TrainState state;

    Trainer(
        NDManager manager,
        OptimizerConfig config,
        Map<String, Part> parts,
        String prefix,
        TensorSource reference,
        long updates) {
      this(manager, config, parts, prefix, reference, updates, Long.MAX_VALUE);
    }

    Trainer(
        NDManager manager,
        OptimizerConfig config,
        Map<String, Part> parts,
        String prefix,
        TensorSource reference,
        long updates,
        long total) {
      this.manager = manager;
      this.parts = parts;
      this.optimizer =
          Optimizer.of(config, ParameterGroups.of(config, parts.keySet(), total), kernels);
      this.state =
          optimizer.prepared(
              manager,
              new TrainState(read(reference, prefix), Map.of(), updates, 0, 0, "", 0),
              Storage.IN_MEMORY);
    }

    private Parameters read(TensorSource reference, String prefix) {
      NDManager own = manager.newSubManager();
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      parts.forEach(
          (name, part) -> arrays.put(name, own.create(part.of(reference, prefix), part.shape())));
      return new Parameters(own, arrays);
    }

    /**
     * @param norm of the gradients; negative: measured
     */
    void step(TensorSource reference, int step, double norm) {
      try (Parameters gradients = read(reference, "grads/" + step + "/")) {
        optimizer.update(state, gradients, norm < 0 ? optimizer.gradientNorm(gradients) : norm);
      }
      state = state.after(1, state.guard());
    }
  }

  /**
   * A matrix of a stored array, or the whole of it where it is not factored.
   *
   * @param axes the two that stay; none for the whole
   * @param index of the matrix along all others taken as one
   */
  private record Part(String name, long[] stored, int[] axes, int index) {
    Shape shape() {
      return axes.length == 0 ? new Shape(stored) : new Shape(stored[axes[0]], stored[axes[1]]);
    }

    float[] of(TensorSource reference, String prefix) {
      float[] all = reference.floats(prefix + name);
      if (axes.length == 0) {
        return all;
      }
      int rows = (int) stored[axes[0]];
      int columns = (int) stored[axes[1]];
      float[] matrix = new float[rows * columns];
      long[] at = place(stored, axes, index);
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
          at[axes[0]] = r;
          at[axes[1]] = c;
          matrix[r * columns + c] = all[flat(stored, at)];
        }
      }
      return matrix;
    }

    /** The stored mean over one of the two axes: what remains runs along the other. */
    float[] statistic(TensorSource reference, String state, int kept) {
      // big_vision's d0 is the largest axis, the later one of equals; v_row has no d0, v_col no d1.
      int larger = stored[axes[1]] >= stored[axes[0]] ? 1 : 0;
      int gone = axes[1 - kept];
      String kind = 1 - kept == larger ? "v_row/" : "v_col/";
      long[] reduced = new long[stored.length - 1];
      for (int i = 0, j = 0; i < stored.length; i++) {
        if (i != gone) {
          reduced[j++] = stored[i];
        }
      }
      float[] all = reference.floats(state + kind + name);
      float[] line = new float[(int) stored[axes[kept]]];
      long[] at = place(stored, axes, index);
      for (int k = 0; k < line.length; k++) {
        at[axes[kept]] = k;
        long[] without = new long[reduced.length];
        for (int i = 0, j = 0; i < stored.length; i++) {
          if (i != gone) {
            without[j++] = at[i];
          }
        }
        line[k] = all[flat(reduced, without)];
      }
      return line;
    }

    private static long[] place(long[] shape, int[] axes, int index) {
      long[] at = new long[shape.length];
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        if (axis != axes[0] && axis != axes[1]) {
          at[axis] = index % shape[axis];
          index /= (int) shape[axis];
        }
      }
      return at;
    }

    private static int flat(long[] shape, long[] at) {
      long flat = 0;
      for (int i = 0; i < shape.length; i++) {
        flat = flat * shape[i] + at[i];
      }
      return (int) flat;
    }
  }

  private static List<String> names(TensorSource reference) {
    String prefix = "params/0/";
    return reference.names().stream()
        .filter(name -> name.startsWith(prefix))
        .map(name -> name.substring(prefix.length()))
        .toList();
  }

  private static Map<String, Part> parts(TensorSource reference, List<String> names) {
    Map<String, Part> parts = new LinkedHashMap<>();
    for (String name : names) {
      long[] shape = reference.shape("params/0/" + name).getShape();
      int[] axes = largest(shape);
      if (shape.length < 3 || Math.min(shape[axes[0]], shape[axes[1]]) < 32) {
        parts.put(name, new Part(name, shape, new int[0], 0));
        continue;
      }
      long matrices = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
      matrices /= shape[axes[0]] * shape[axes[1]];
      for (int i = 0; i < matrices; i++) {
        parts.put(name + "#" + i, new Part(name, shape, axes, i));
      }
    }
    parts.replaceAll(
        (name, part) ->
            part.axes.length == 0 && part.stored.length == 2
                ? new Part(part.name, part.stored, new int[] {0, 1}, 0)
                : part);
    return parts;
  }

  /** The two largest axes, in their order. */
  private static int[] largest(long[] shape) {
    List<Integer> axes = new ArrayList<>();
    for (int i = 0; i < shape.length; i++) {
      axes.add(i);
    }
    axes.sort((a, b) -> Long.compare(shape[b], shape[a]));
    return axes.stream().limit(2).mapToInt(Integer::intValue).sorted().toArray();
  }

  private static Part part(Map<String, Part> parts, String name) {
    return Objects.requireNonNull(parts.get(name), name);
  }

  private static float[] negated(NDArray array) {
    try (NDArray negated = array.neg()) {
      return negated.toFloatArray();
    }
  }

  /** Values as a checkpoint would hold them. */
  private static float[] stored(NDArray array) {
    try {
      Path file = Files.createTempFile("moments", ".safetensors");
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        SafetensorsWriter.write(channel, List.of(TensorOutput.Tensor.of("x", array)));
      }
      try (TensorSource source = TensorSource.open(file)) {
        return source.floats("x");
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How values differ from a reference. */
  private static final class Differences {
    private final List<float[]> actual = new ArrayList<>();
    private final List<float[]> wanted = new ArrayList<>();

    void add(float[] a, float[] w) {
      assertEquals(w.length, a.length);
      actual.add(a);
      wanted.add(w);
    }

    /**
     * Values are within {@code close} of an array's largest, but for a share that is within {@code
     * far} of it.
     */
    void check(double share, double close, double far) {
      long beyond = 0;
      long all = 0;
      for (int n = 0; n < actual.size(); n++) {
        float largest = 0;
        for (float w : wanted.get(n)) {
          largest = Math.max(largest, Math.abs(w));
        }
        for (int i = 0; i < wanted.get(n).length; i++) {
          double w = wanted.get(n)[i];
          double difference = Math.abs(actual.get(n)[i] - w);
          all++;
          if (difference > close * largest) {
            beyond++;
            assertTrue(
                difference <= far * largest,
                "array %d, element %d: %s instead of %s"
                    .formatted(n, i, actual.get(n)[i], wanted.get(n)[i]));
          }
        }
      }
      assertTrue(beyond <= share * all, beyond + " of " + all + " differ");
    }
  }
}
