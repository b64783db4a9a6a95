package dev.palimpsest.stages.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.state.GuardState;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdamWTest {
  /** Six updates of the reference chain in float64, clipped and not, against ours in float32. */
  @Test
  void followsBigVisionsChainForSixUpdates() throws Exception {
    JsonNode expected;
    try (InputStream in = AdamWTest.class.getResourceAsStream("/golden/adam_expected.json")) {
      expected = new ObjectMapper().readTree(in);
    }
    JsonNode hyper = expected.path("hyper");
    JsonNode schedule = expected.path("schedule");
    OptimizerConfig config =
        new OptimizerConfig(
            hyper.path("lr").asDouble(),
            hyper.path("b1").asDouble(),
            hyper.path("b2").asDouble(),
            hyper.path("eps").asDouble(),
            hyper.path("clip").asDouble(),
            hyper.path("wd").asDouble(),
            ".*/kernel",
            new ScheduleConfig.Cosine(schedule.path("warmup_steps").asLong(), 0),
            Map.of(),
            null,
            null);
    Path file = Path.of(AdamWTest.class.getResource("/golden/adam_steps.safetensors").toURI());
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load();
        TensorSource steps = SafetensorsFile.open(file)) {
      Parameters start = group(manager, steps, "params/0/");
      TrainState state = new TrainState(start, Map.of(), 0, 0, 0, "", 0);
      ParameterGroups groups =
          ParameterGroups.of(config, start.names(), schedule.path("total_steps").asLong());
      Optimizer optimizer = Optimizer.of(config, groups, kernels);
      state = optimizer.prepared(manager, state, Storage.IN_MEMORY);
      boolean clipped = false;
      for (int s = 0; s < 6; s++) {
        Parameters gradients = group(manager, steps, "grads/" + s + "/");
        double norm = optimizer.gradientNorm(gradients);
        Optimizer.Norms norms = optimizer.update(state, gradients, norm);
        state = state.after(1, GuardState.START);
        JsonNode step = expected.path("steps").get(s);
        clipped |= step.path("clipped").asBoolean();
        close(step.path("l2_grads").asDouble(), norm, 1e-5, 1e-7);
        close(step.path("l2_updates").asDouble(), norms.update(), 1e-5, 1e-7);
        close(step.path("l2_params").asDouble(), norms.parameters(), 1e-5, 1e-7);
        String next = "/" + (s + 1) + "/";
        same(steps, "params" + next, state.parameters());
        same(steps, "mu" + next, state.moments("mu"));
        same(steps, "nu" + next, state.moments("nu"));
      }
      assertTrue(clipped, "the case should clip at least once");
    }
  }

  private static Parameters group(NDManager manager, TensorSource steps, String prefix) {
    NDManager own = manager.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (String name : steps.names()) {
      if (name.startsWith(prefix)) {
        arrays.put(name.substring(prefix.length()), steps.toArray(own, name));
      }
    }
    return new Parameters(own, arrays);
  }

  private static void same(TensorSource steps, String prefix, Parameters found) {
    for (String name : found.names()) {
      float[] expected = steps.floats(prefix + name);
      float[] actual = found.get(name).toFloatArray();
      assertEquals(expected.length, actual.length);
      for (int i = 0; i < expected.length; i++) {
        close(expected[i], actual[i], 1e-5, 1e-7);
      }
    }
  }

  /** The case's own tolerance: rtol 1e-5, atol 1e-7 (float32 against float64). */
  private static void close(double expected, double actual, double relative, double absolute) {
    assertEquals(expected, actual, relative * Math.abs(expected) + absolute);
  }
}
