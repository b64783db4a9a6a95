package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.optimizer.ParameterGroups;
import dev.palimpsest.stages.state.Storage;
import dev.palimpsest.stages.state.TrainState;
import dev.palimpsest.stages.step.MicroBatch;
import dev.palimpsest.stages.step.TrainStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The project's own optimizer and training step on a model case. */
final class TrainingChecks {
  private static final String FIRST_STEP = "adamw_step1.safetensors";

  /** Patterns over the project's names, by the reference's name for the set of decaying weights. */
  private static final String KERNELS = ".*/kernel";

  private static final String ALL = ".*";

  private TrainingChecks() {}

  static void run(Subject subject, Report report) throws IOException {
    JsonNode step = subject.expected().path("adamw_step1");
    if (step.isMissingNode()) {
      report.absent("adamw_step1 in expected.json");
    } else {
      decayingNames(subject, step, report);
      Path file = subject.folder().resolve(FIRST_STEP);
      if (Files.isRegularFile(file)) {
        try (TensorSource expected = TensorSource.open(file)) {
          FirstUpdateChecks.run(subject, step, "kernel_mask", KERNELS, expected, report);
          FirstUpdateChecks.run(subject, step, "all_mask", ALL, expected, report);
        }
      } else {
        report.absent(FIRST_STEP);
      }
    }
    JsonNode trace = subject.expected().path("train6");
    if (trace.isMissingNode()) {
      report.absent("train6 in expected.json");
    } else {
      report.part("training", () -> trace(subject, trace, subject.batchSize(), "", report));
      report.part(
          "training in micro batches",
          () -> trace(subject, trace, 1, ", one example a micro batch", report));
    }
  }

  private static void decayingNames(Subject subject, JsonNode step, Report report) {
    Set<String> actual = new TreeSet<>();
    for (String name : subject.parameters().names()) {
      if (name.matches(KERNELS)) {
        actual.add(Reference.name(subject.config(), name));
      }
    }
    Set<String> expected = new TreeSet<>();
    step.required("kernel_mask").forEach(n -> expected.add(n.asText()));
    Set<String> both = new TreeSet<>(actual);
    both.retainAll(expected);
    report.check(
        "names that decay",
        actual.size() + expected.size() - 2 * both.size(),
        Tolerance.EXACT,
        expected.size() + " names");
  }

  // ---------------------------------------------------------------- several updates

  private static void trace(
      Subject subject, JsonNode trace, int microBatch, String variant, Report report) {
    int batch = subject.batchSize();
    JsonNode schedule = trace.required("schedule");
    long steps = schedule.required("total_steps").asLong();
    OptimizerConfig optimizer =
        optimizer(
            trace,
            trace.path("wd_mask").asText("kernel_mask").equals("all_mask") ? ALL : KERNELS,
            ScheduleChecks.schedule(
                schedule,
                schedule.path("warmup_steps").asLong(),
                schedule.path("cooldown_steps").asLong(),
                1,
                batch));
    try (Parameters parameters = Subject.copy(subject.manager(), subject.parameters());
        Parameters mu = subject.zeros(subject.manager());
        Parameters nu = subject.zeros(subject.manager())) {
      ParameterGroups groups = ParameterGroups.of(optimizer, parameters.names(), steps * batch);
      TrainStep step =
          new TrainStep(
              subject.model(),
              BareStage.of(
                  "certify",
                  steps * batch,
                  subject.resolution(),
                  (int) subject.inputs().shape("model_text").get(1),
                  batch,
                  microBatch,
                  Precision.F32,
                  Map.of("certify", 1.0),
                  optimizer),
              Optimizer.of(optimizer, groups, subject.kernels()),
              Storage.IN_MEMORY,
              0);
      Worst losses = new Worst();
      Worst gradients = new Worst();
      Worst updates = new Worst();
      Worst norms = new Worst();
      int s = 0;
      for (JsonNode expected : trace.required("steps")) {
        int[] row = {0};
        TrainStep.Outcome outcome =
            step.run(
                subject.manager(),
                state(parameters, mu, nu, s, (long) s * batch),
                manager -> {
                  MicroBatch micro =
                      new MicroBatch(
                          rows(subject.batch(manager), row[0], microBatch), "", row[0], () -> {});
                  row[0] += microBatch;
                  return micro;
                });
        String name = "step " + s;
        losses.add(name, relative(outcome.loss(), expected, "loss_before_update"));
        gradients.add(name, relative(outcome.gradientNorm(), expected, "l2_grads"));
        updates.add(name, relative(outcome.updateNorm(), expected, "l2_updates"));
        norms.add(name, relative(outcome.parameterNorm(), expected, "l2_params_after"));
        s++;
      }
      losses.report(report, "training: loss" + variant, Tolerance.TRAINING_LOSS, "steps");
      gradients.report(
          report, "training: gradient norm" + variant, Tolerance.TRAINING_NORM, "steps");
      updates.report(report, "training: update norm" + variant, Tolerance.TRAINING_NORM, "steps");
      norms.report(report, "training: parameter norm" + variant, Tolerance.PARAMETER_NORM, "steps");
      if (trace.has("loss_after_last")) {
        try (NDManager manager = subject.manager().newSubManager()) {
          double last =
              subject
                  .model()
                  .loss(Weights.of(parameters), subject.batch(manager), LossOptions.PLAIN)
                  .mean();
          report.check(
              "training: loss at the end" + variant,
              relative(last, trace, "loss_after_last"),
              Tolerance.TRAINING_LOSS);
        }
      }
    }
  }

  private static double relative(double actual, JsonNode expected, String field) {
    return Values.relative(actual, expected.required(field).asDouble());
  }

  private static TrainingInput rows(TrainingInput all, int from, int count) {
    NDIndex rows = new NDIndex(from + ":" + (from + count));
    ModelInput input = all.input();
    return new TrainingInput(
        new ModelInput(input.images().get(rows), input.text().get(rows), input.maskAr().get(rows)),
        all.targets().get(rows),
        all.lossMask().get(rows));
  }

  // ---------------------------------------------------------------- configs

  static TrainState state(
      Parameters parameters, Parameters mu, Parameters nu, long updates, long examples) {
    return new TrainState(
        parameters, Map.of("mu", mu, "nu", nu), updates, examples, 0, "certify", 0);
  }

  /** An optimizer with the reference's hyper-parameters. */
  static OptimizerConfig optimizer(JsonNode hyper, String decays, ScheduleConfig schedule) {
    return new OptimizerConfig(
        hyper.required("lr").asDouble(),
        hyper.path("b1").asDouble(0.9),
        hyper.path("b2").asDouble(0.999),
        hyper.path("eps").asDouble(1e-8),
        hyper.required("clip").asDouble(),
        hyper.required("wd").asDouble(),
        decays,
        schedule,
        Map.of(),
        null,
        null);
  }
}
