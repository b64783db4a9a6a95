package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.eval.decoding.Decoded;
import dev.palimpsest.eval.decoding.Decoder;
import dev.palimpsest.eval.decoding.Decoder.Stop;
import dev.palimpsest.eval.decoding.Prompts;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.towers.KeyValueCache;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Greedy decoding through the key-value cache. */
final class DecodingChecks {
  private DecodingChecks() {}

  static void run(Subject subject, TensorSource outputs, Report report) {
    if (outputs.contains("decode.first_logits")) {
      report.part("logits after the prompt", () -> firstLogits(subject, outputs, report));
    } else {
      report.absent("decode.first_logits");
    }
    JsonNode greedy = subject.expected().path("greedy");
    if (greedy.isMissingNode()) {
      report.absent("greedy tokens in expected.json");
      return;
    }
    report.part("greedy tokens", () -> greedy(subject, greedy, report));
  }

  private static void firstLogits(Subject subject, TensorSource outputs, Report report) {
    VisionLanguageModel model = subject.model();
    try (NDManager manager = subject.manager().newSubManager()) {
      NDArray images = Reference.images(manager, subject.inputs(), "pixel_values");
      NDArray tokens = model.encodeImages(manager, subject.weights(), images);
      try (KeyValueCache cache =
          model.prefill(
              manager,
              subject.weights(),
              tokens,
              subject.inputs().toArray(manager, "eval_text"),
              lengths(subject.inputs()),
              1)) {
        report.check(
            "logits after the prompt",
            Values.ofLargest(
                Values.of(cache.logits()), Reference.values(outputs, "decode.first_logits")),
            Tolerance.ACTIVATION);
      }
    }
  }

  private static void greedy(Subject subject, JsonNode greedy, Report report) {
    List<Decoded> rows = decode(subject, greedy, Stop.AT_LIMIT);
    report.check(
        "greedy tokens",
        Values.differing(tokens(rows), Values.of(greedy.required("tokens"))),
        Tolerance.EXACT,
        "smallest margin of the reference " + greedy.path("min_margin").asText("unknown"));
    report.check(
        "log-probabilities of greedy tokens",
        Values.absolute(
            rows.stream()
                .flatMapToDouble(
                    r -> {
                      float[] l = r.logProbabilities();
                      return IntStream.range(0, l.length).mapToDouble(i -> l[i]);
                    })
                .toArray(),
            Values.of(greedy.required("logp"))),
        Tolerance.DECODED_LOG_PROBABILITY);
    if (greedy.has("tokens_cut_at_eos")) {
      report.check(
          "greedy tokens, stopping at EOS",
          Values.differing(
              tokens(
                  decode(subject, greedy, Stop.AT_EOS).stream()
                      .map(DecodingChecks::withoutEos)
                      .toList()),
              Values.of(greedy.get("tokens_cut_at_eos"))),
          Tolerance.EXACT);
    }
  }

  private static List<Decoded> decode(Subject subject, JsonNode greedy, Stop stop) {
    try (NDManager manager = subject.manager().newSubManager();
        Decoder decoder = new Decoder(subject.model(), subject.weights(), manager)) {
      Prompts prompts =
          new Prompts(
              Reference.images(manager, subject.inputs(), "pixel_values"),
              subject.inputs().toArray(manager, "eval_text"),
              lengths(subject.inputs()));
      return decoder.decode(prompts, DecodeConfig.greedy(greedy.required("steps").asInt()), stop);
    }
  }

  /** The reference omits the EOS itself. */
  private static Decoded withoutEos(Decoded row) {
    int[] tokens = row.tokens();
    int last = tokens.length - 1;
    return tokens[last] == Tokenizer.EOS
        ? new Decoded(Arrays.copyOf(tokens, last), Arrays.copyOf(row.logProbabilities(), last))
        : row;
  }

  private static double[] tokens(List<Decoded> rows) {
    return rows.stream().flatMapToInt(r -> Arrays.stream(r.tokens())).asDoubleStream().toArray();
  }

  /** Number of real tokens by row. */
  private static int[] lengths(TensorSource inputs) {
    long[] mask = inputs.integers("eval_mask_input");
    int rows = (int) inputs.shape("eval_mask_input").get(0);
    int columns = mask.length / rows;
    int[] lengths = new int[rows];
    for (int i = 0; i < mask.length; i++) {
      lengths[i / columns] += (int) mask[i];
    }
    return lengths;
  }
}
