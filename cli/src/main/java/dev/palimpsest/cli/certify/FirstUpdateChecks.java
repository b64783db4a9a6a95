package dev.palimpsest.cli.certify;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The optimizer's first update: from the reference's gradients and from this program's own. */
record FirstUpdateChecks(
    Subject subject,
    JsonNode step,
    OptimizerConfig config,
    TensorSource expected,
    String mask,
    Report report) {
  /**
   * Compares every parameter after the update.
   *
   * @param step hyper-parameters and norms
   * @param mask the reference's name for the set of decaying weights
   * @param pattern that set, as a pattern over the project's names
   * @param expected parameters after the update, {@code mask/name}
   */
  static void run(
      Subject subject,
      JsonNode step,
      String mask,
      String pattern,
      TensorSource expected,
      Report report) {
    Path gradients = subject.folder().resolve("grads.safetensors");
    if (expected.names().stream().noneMatch(n -> n.startsWith(mask + "/"))
        || !Files.isRegularFile(gradients)) {
      report.absent(mask + " of the first update, with grads.safetensors");
      return;
    }
    double factor = step.required("sched").asDouble();
    OptimizerConfig config =
        TrainingChecks.optimizer(
            step, pattern, new ScheduleConfig.Stair(0, 0, List.of(0L), List.of(factor)));
    FirstUpdateChecks checks = new FirstUpdateChecks(subject, step, config, expected, mask, report);
    report.part(
        "first update from the reference's gradients, " + mask,
        () -> {
          try (TensorSource reference = TensorSource.open(gradients)) {
            checks.fromReference(reference);
          }
        });
    report.part(
        "first update, " + mask,
        () -> {
          try (TensorSource reference = TensorSource.open(gradients)) {
            checks.fromOwn(reference);
          }
        });
  }

  private void fromReference(TensorSource reference) {
    try (Parameters gradients = subject.zeros(subject.manager())) {
      for (String name : gradients.names()) {
        try (var array = reference.toArray(subject.manager(), name(name))) {
          array.copyTo(gradients.get(name));
        }
      }
      update(
          gradients,
          reference,
          false,
          "first update from the reference's gradients, " + mask,
          Tolerance.FIRST_STEP);
    }
  }

  private void fromOwn(TensorSource reference) throws IOException {
    try (Parameters gradients = GradientChecks.gradients(subject, LossOptions.PLAIN)) {
      String quantity = "first update, " + mask;
      Norms norms = update(gradients, reference, true, quantity, Tolerance.OWN_FIRST_STEP);
      JsonNode metrics = step.path("metrics_" + mask);
      if (metrics.isMissingNode()) {
        report.absent("metrics_" + mask);
        return;
      }
      report.check(
          quantity + ": gradient norm",
          Values.relative(norms.gradient(), metrics.required("l2_grads").asDouble()),
          Tolerance.GRADIENT_NORM);
      report.check(
          quantity + ": update norm",
          Values.relative(norms.moved().update(), metrics.required("l2_updates").asDouble()),
          Tolerance.TRAINING_NORM);
      report.check(
          quantity + ": parameter norm",
          Values.relative(norms.moved().parameters(), metrics.required("l2_params").asDouble()),
          Tolerance.PARAMETER_NORM);
    }
  }

  private record Norms(double gradient, Optimizer.Norms moved) {}

  private Norms update(
      Parameters gradients,
      TensorSource reference,
      boolean carriesErrors,
      String quantity,
      Tolerance tolerance) {
    try (Parameters parameters = Subject.copy(subject.manager(), subject.parameters());
        Parameters mu = subject.zeros(subject.manager());
        Parameters nu = subject.zeros(subject.manager())) {
      Optimizer adam =
          Optimizer.of(
              config, ParameterGroups.of(config, parameters.names(), 1), subject.kernels());
      double norm = adam.gradientNorm(gradients);
      Optimizer.Norms moved =
          adam.update(TrainingChecks.state(parameters, mu, nu, 0, 0), gradients, norm);
      double clip =
          norm >= config.clipNorm() && config.clipNorm() > 0 ? config.clipNorm() / norm : 1;
      double noise = Tolerance.NOISE_OF_ALL * largest(reference);
      Worst worst = new Worst();
      for (String name : parameters.names()) {
        double[] g = Reference.values(reference, name(name));
        double error = carriesErrors ? Values.absolute(Values.of(gradients.get(name)), g) : 0;
        worst.add(
            name,
            ofAllowance(
                Values.of(parameters.get(name)),
                Reference.values(expected, mask + "/" + name(name)),
                g,
                error,
                clip,
                noise));
      }
      worst.report(report, quantity, tolerance, "parameters");
      return new Norms(norm, moved);
    }
  }

  /** The largest difference in units of what is allowed for its element. */
  private double ofAllowance(
      double[] actual, double[] after, double[] g, double error, double clip, double noise) {
    double whole = step.required("lr").asDouble() * step.required("sched").asDouble();
    double threshold = Math.max(Tolerance.NOISE_OF_TENSOR * Values.largest(g), noise);
    double worst = 0;
    for (int i = 0; i < after.length; i++) {
      double allowed = 2 * whole;
      if (Math.abs(g[i]) > threshold) {
        // From g to g - error, g / (g + eps) changes by at most the error times the slope at the
        // latter.
        double nearest = Math.max(0, Math.abs(g[i]) - error) * clip + config.epsilon();
        double share = 2e-3 + config.epsilon() * error * clip / (nearest * nearest);
        allowed = Math.min(allowed, share * whole + 1e-6 * Math.abs(after[i]));
      }
      worst = Math.max(worst, Math.abs(actual[i] - after[i]) / allowed);
    }
    return worst;
  }

  private static double largest(TensorSource tensors) {
    return tensors.names().stream()
        .mapToDouble(n -> Values.largest(Reference.values(tensors, n)))
        .max()
        .orElse(0);
  }

  private String name(String ours) {
    return Reference.name(subject.config(), ours);
  }
}
