package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.Dropout;
import java.nio.file.Files;
import java.nio.file.Path;

/** Gradients of every parameter of a model case. */
final class GradientChecks {
  private GradientChecks() {}

  static void run(Subject subject, Report report) {
    JsonNode scalars = subject.expected().required("scalars");
    variant(subject, scalars, "grads.safetensors", "", report);
    if (scalars.has("no_final_softcap")) {
      variant(
          subject.withoutFinalSoftcap(),
          scalars.get("no_final_softcap"),
          "grads_no_final_softcap.safetensors",
          " without final soft-cap",
          report);
    }
    if (scalars.has("label_smoothing")) {
      JsonNode smoothing = scalars.get("label_smoothing");
      String quantity = "gradient norm with label smoothing";
      report.part(
          quantity,
          () -> {
            LossOptions options =
                new LossOptions(smoothing.required("value").asDouble(), Dropout.NONE, 1);
            try (Parameters gradients = gradients(subject, options)) {
              norm(quantity, gradients, smoothing, report);
            }
          });
    }
  }

  private static void variant(
      Subject subject, JsonNode scalars, String file, String variant, Report report) {
    report.part(
        "gradients" + variant,
        () -> {
          try (Parameters gradients = gradients(subject, LossOptions.PLAIN)) {
            Path path = subject.folder().resolve(file);
            if (Files.isRegularFile(path)) {
              try (TensorSource expected = TensorSource.open(path)) {
                elements(subject, gradients, expected, variant, report);
              }
            } else {
              report.absent(file);
            }
            norm("gradient norm" + variant, gradients, scalars, report);
          }
        });
  }

  /** Gradients of the case's batch, in a manager of their own. */
  static Parameters gradients(Subject subject, LossOptions options) {
    Parameters gradients = subject.zeros(subject.manager());
    try (NDManager manager = subject.manager().newSubManager()) {
      subject
          .model()
          .accumulateGradients(
              Weights.training(subject.parameters(), name -> true, gradients),
              subject.batch(manager),
              options);
    }
    return gradients;
  }

  private static void elements(
      Subject subject, Parameters gradients, TensorSource expected, String variant, Report report) {
    Worst worst = new Worst();
    int skipped = 0;
    for (String name : gradients.names()) {
      double[] reference = Reference.values(expected, Reference.name(subject.config(), name));
      if (Values.largest(reference) < Tolerance.NO_GRADIENT) {
        skipped++;
      } else {
        worst.add(name, Values.ofLargest(Values.of(gradients.get(name)), reference));
      }
    }
    worst.report(
        report,
        "gradients" + variant,
        Tolerance.GRADIENT,
        skipped == 0 ? "parameters" : "parameters (%d have none)".formatted(skipped));
  }

  private static void norm(String quantity, Parameters gradients, JsonNode scalars, Report report) {
    double squares = 0;
    for (NDArray gradient : gradients.asMap().values()) {
      for (double v : Values.of(gradient)) {
        squares += v * v;
      }
    }
    report.check(
        quantity,
        Values.relative(Math.sqrt(squares), scalars.required("grad_global_norm").asDouble()),
        Tolerance.GRADIENT_NORM);
  }
}
