package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.model.Loss;
import dev.palimpsest.model.LossOptions;
import dev.palimpsest.model.TrainingInput;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.towers.Dropout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Features, masks, hidden states, logits and losses of a model case. */
final class ForwardChecks {
  /** Results in the outputs file that are not intermediate values of the training forward pass. */
  private static final Set<String> NOT_TRACED =
      Set.of("token_logp", "per_example_loss", "logits_no_final_softcap", "decode.first_logits");

  private ForwardChecks() {}

  static void run(Subject subject, TensorSource outputs, Report report) {
    report.part("forward pass", () -> traced(subject, outputs, report));
    report.part(
        "losses",
        () -> {
          losses(subject, subject.expected().required("scalars"), "", report);
          if (outputs.contains("token_logp")) {
            logProbabilities(subject, outputs, report);
          }
        });
    if (outputs.contains("logits_no_final_softcap")) {
      Subject uncapped = subject.withoutFinalSoftcap();
      report.part(
          "logits without final soft-cap",
          () -> {
            logits(uncapped, outputs, "logits_no_final_softcap", "without final soft-cap", report);
            JsonNode scalars = subject.expected().at("/scalars/no_final_softcap");
            if (!scalars.isMissingNode()) {
              losses(uncapped, scalars, " without final soft-cap", report);
            }
          });
    }
  }

  private static void traced(Subject subject, TensorSource outputs, Report report) {
    Map<String, double[]> values = new HashMap<>();
    try (NDManager manager = subject.manager().newSubManager()) {
      TrainingInput batch = subject.batch(manager);
      NDArray logits =
          subject
              .model()
              .logits(
                  manager,
                  subject.weights(),
                  batch.input(),
                  (name, value) -> values.put(name, Values.of(value)));
      values.put("logits", Values.of(logits));
    }
    for (String name : outputs.names()) {
      if (NOT_TRACED.contains(name)) {
        continue;
      }
      String note = name.equals("logits") ? subject.window() : "";
      report.part(name, () -> compare(name, values.get(name), outputs, note, report));
    }
  }

  private static void compare(
      String name, double @Nullable [] actual, TensorSource outputs, String note, Report report) {
    if (actual == null) {
      throw new IllegalStateException("the model's trace has no value of this name");
    }
    double[] expected = Reference.values(outputs, name);
    if (name.equals("attn_mask")) {
      report.check(name, Values.differing(actual, expected), Tolerance.EXACT);
    } else {
      report.check(name, Values.ofLargest(actual, expected), Tolerance.ACTIVATION, note);
    }
  }

  /** Only logits, of any variant of the model. */
  static void logits(
      Subject subject, TensorSource outputs, String name, String variant, Report report) {
    try (NDManager manager = subject.manager().newSubManager()) {
      NDArray logits =
          subject
              .model()
              .logits(manager, subject.weights(), subject.batch(manager).input(), Trace.NONE);
      report.check(
          "logits " + variant,
          Values.ofLargest(Values.of(logits), Reference.values(outputs, name)),
          Tolerance.ACTIVATION);
    }
  }

  private static void losses(Subject subject, JsonNode scalars, String variant, Report report) {
    try (NDManager manager = subject.manager().newSubManager()) {
      TrainingInput batch = subject.batch(manager);
      Loss loss = subject.model().loss(subject.weights(), batch, LossOptions.PLAIN);
      report.check(
          "loss" + variant,
          Values.relative(loss.mean(), scalars.required("loss_bv").asDouble()),
          Tolerance.LOSS);
      double[] perExample = new double[loss.perExample().length];
      double sum = 0;
      double tokens = 0;
      for (int i = 0; i < perExample.length; i++) {
        perExample[i] = loss.perExample()[i];
        sum += perExample[i] * loss.supervisedTokens()[i];
        tokens += loss.supervisedTokens()[i];
      }
      report.check(
          "loss of each example" + variant,
          Values.relative(perExample, Values.of(scalars.required("per_example_loss"))),
          Tolerance.LOSS);
      if (scalars.has("supervised_tokens")) {
        report.check(
            "supervised tokens" + variant,
            Values.differing(
                Values.of(loss.supervisedTokens()), Values.of(scalars.get("supervised_tokens"))),
            Tolerance.EXACT);
      }
      if (scalars.has("loss_hf_token_mean")) {
        report.check(
            "loss as mean over the batch's tokens" + variant,
            Values.relative(sum / tokens, scalars.get("loss_hf_token_mean").asDouble()),
            Tolerance.LOSS);
      }
      JsonNode smoothing = scalars.path("label_smoothing");
      if (!smoothing.isMissingNode()) {
        LossOptions options =
            new LossOptions(smoothing.required("value").asDouble(), Dropout.NONE, 1);
        report.check(
            "loss with label smoothing" + variant,
            Values.relative(
                subject.model().loss(subject.weights(), batch, options).mean(),
                smoothing.required("loss_bv").asDouble()),
            Tolerance.LOSS);
      }
    }
  }

  private static void logProbabilities(Subject subject, TensorSource outputs, Report report) {
    try (NDManager manager = subject.manager().newSubManager()) {
      NDArray actual =
          subject
              .model()
              .targetLogProbabilities(manager, subject.weights(), subject.batch(manager));
      double[] expected = Reference.values(outputs, "token_logp");
      report.check(
          "token_logp",
          Values.absolute(Values.of(actual), expected),
          Tolerance.LOG_PROBABILITY,
          Arrays.stream(expected).filter(v -> v != 0).count() + " targets");
    }
  }
}
