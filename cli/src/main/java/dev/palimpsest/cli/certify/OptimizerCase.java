package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The optimizer on given gradients: parameters and both moments after every update. */
final class OptimizerCase implements CaseKind {
  private static final String STEPS = "steps.safetensors";
  private static final String EXPECTED = "expected.json";
  private static final String DECAYS = ".*/kernel";

  @Override
  public String description() {
    return "optimizer on given gradients (" + STEPS + ", " + EXPECTED + ")";
  }

  @Override
  public boolean recognises(Path folder) {
    return Files.isRegularFile(folder.resolve(STEPS))
        && Files.isRegularFile(folder.resolve(EXPECTED));
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report)
      throws IOException {
    JsonNode expected = Reference.json(folder.resolve(EXPECTED));
    JsonNode schedule = expected.required("schedule");
    long total = schedule.required("total_steps").asLong();
    OptimizerConfig config =
        TrainingChecks.optimizer(
            expected.required("hyper"),
            DECAYS,
            ScheduleChecks.schedule(
                schedule,
                schedule.path("warmup_steps").asLong(),
                schedule.path("cooldown_steps").asLong(),
                1,
                1));
    try (TensorSource steps = TensorSource.open(folder.resolve(STEPS));
        Parameters parameters = read(manager, steps, "params/0/");
        Parameters mu = zeros(manager, parameters);
        Parameters nu = zeros(manager, parameters)) {
      ParameterGroups groups = ParameterGroups.of(config, parameters.names(), total);
      decaying(groups, expected.required("wd_on"), report);
      Optimizer adam = Optimizer.of(config, groups, kernels);
      Moved moved = new Moved(parameters, mu, nu);
      for (JsonNode metrics : expected.required("steps")) {
        int s = metrics.required("step").asInt();
        update(adam, steps, metrics, s, manager, moved, report);
      }
    }
  }

  private static void decaying(ParameterGroups groups, JsonNode expected, Report report) {
    Set<String> wanted = new TreeSet<>();
    expected.forEach(n -> wanted.add(n.asText()));
    Set<String> actual = new TreeSet<>();
    groups.groups().stream()
        .flatMap(g -> g.members().stream())
        .filter(ParameterGroups.Member::decays)
        .forEach(m -> actual.add(m.name()));
    report.check("names that decay", wanted.equals(actual) ? 0 : 1, Tolerance.EXACT);
  }

  private static void update(
      Optimizer adam,
      TensorSource steps,
      JsonNode metrics,
      int s,
      NDManager manager,
      Moved moved,
      Report report) {
    String update = "update " + s + ": ";
    try (Parameters gradients = read(manager, steps, "grads/" + s + "/")) {
      double norm = adam.gradientNorm(gradients);
      Optimizer.Norms norms =
          adam.update(
              TrainingChecks.state(moved.params(), moved.mu(), moved.nu(), s, s), gradients, norm);
      moved(moved.params(), "params", steps, s, report);
      moved(moved.mu(), "mu", steps, s, report);
      moved(moved.nu(), "nu", steps, s, report);
      report.check(
          update + "norms",
          Values.elementwise(
              new double[] {norm, norms.update(), norms.parameters()},
              new double[] {
                metrics.required("l2_grads").asDouble(),
                metrics.required("l2_updates").asDouble(),
                metrics.required("l2_params").asDouble()
              }),
          Tolerance.ELEMENTWISE,
          "gradients, update, parameters");
    }
  }

  private static void moved(
      Parameters arrays, String group, TensorSource steps, int s, Report report) {
    Worst worst = new Worst();
    for (String name : arrays.names()) {
      worst.add(
          name,
          Values.elementwise(
              Values.of(arrays.get(name)),
              Reference.values(steps, group + "/" + (s + 1) + "/" + name)));
    }
    worst.report(report, "update " + s + ": " + group, Tolerance.ELEMENTWISE, "arrays");
  }

  /** The arrays that an update changes. */
  private record Moved(Parameters params, Parameters mu, Parameters nu) {}

  /** All arrays with a prefix, named without it. */
  private static Parameters read(NDManager parent, TensorSource steps, String prefix) {
    List<String> names = steps.names().stream().filter(n -> n.startsWith(prefix)).toList();
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (String name : names) {
      arrays.put(name.substring(prefix.length()), steps.toArray(own, name));
    }
    return new Parameters(own, arrays);
  }

  private static Parameters zeros(NDManager parent, Parameters like) {
    NDManager own = parent.newSubManager();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    like.asMap().forEach((name, array) -> arrays.put(name, own.zeros(array.getShape())));
    return new Parameters(own, arrays);
  }
}
