package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.mixtures.text.TokenSequence;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.ParameterSpecs;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.model.towers.ModelInput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;

/** Token sequences with their masks, and attention masks. */
final class SequenceChecks {
  private SequenceChecks() {}

  /** Cases of sequences. */
  static CaseKind kind() {
    return new JsonCase(
        "token sequences and attention masks",
        List.of(
            new JsonCase.Part(
                "sequences.json", (file, manager, kernels, report) -> sequences(file, report)),
            new JsonCase.Part("attn_masks.json", SequenceChecks::masks)));
  }

  private static void masks(JsonNode file, NDManager manager, Kernels kernels, Report report) {
    int number = 0;
    for (JsonNode entry : file) {
      String quantity = "attention mask " + number++;
      report.part(quantity, () -> mask(entry, quantity, manager, kernels, report));
    }
  }

  private static void sequences(JsonNode file, Report report) {
    int[] separator = ints(file.required("sep"));
    int number = 0;
    for (JsonNode c : file.required("cases")) {
      int[] prefix = ints(c.required("prefix"));
      int[] suffix = ints(c.required("suffix"));
      int length = c.required("text_len").asInt();
      String quantity =
          "sequence %d (%d prefix, %d suffix tokens, length %d)"
              .formatted(number, prefix.length, suffix.length, length);
      report.part(quantity, () -> sequence(c, prefix, separator, suffix, length, quantity, report));
      number++;
    }
  }

  private static void sequence(
      JsonNode c,
      int[] prefix,
      int[] separator,
      int[] suffix,
      int length,
      String quantity,
      Report report) {
    TokenSequence train = TokenSequence.forTraining(prefix, separator, suffix, length);
    TokenSequence decode = TokenSequence.forDecoding(prefix, separator, length);
    double differing =
        differing(train.text(), c.at("/train/text"))
            + differing(train.maskAr(), c.at("/train/mask_ar"))
            + differing(train.maskLoss(), c.at("/train/mask_loss"))
            + differing(head(train.text()), c.at("/model_input/text"))
            + differing(head(train.maskAr()), c.at("/model_input/mask_ar"))
            + differing(tail(train.text()), c.at("/loss/targets"))
            + differing(tail(train.maskLoss()), c.at("/loss/mask"))
            + differing(decode.text(), c.at("/eval/text"))
            + differing(decode.maskAr(), c.at("/eval/mask_ar"))
            + differing(decode.maskInput(), c.at("/eval/mask_input"));
    report.check(quantity, differing, Tolerance.EXACT);
  }

  /**
   * The decoder's mask for a text without images, computed with the smallest possible model. The
   * model has no input mask: padding is on the right, where real tokens see it only if it does not
   * start its own step, and what padding itself sees is never used. So the rows of real tokens are
   * compared, at the keys that are real or start their own step.
   */
  private static void mask(
      JsonNode entry, String quantity, NDManager parent, Kernels kernels, Report report) {
    int[] maskAr = ints(entry.required("mask_ar"));
    int[] real = ints(entry.required("input_mask"));
    int n = maskAr.length;
    double[] actual = modelMask(maskAr, parent, kernels);
    double[] expected = Values.of(entry.required("attn"));
    double differing = 0;
    int compared = 0;
    for (int query = 0; query < n; query++) {
      for (int key = 0; key < n; key++) {
        if (real[query] == 1 && (real[key] == 1 || maskAr[key] == 1)) {
          compared++;
          differing += actual[query * n + key] == expected[query * n + key] ? 0 : 1;
        }
      }
    }
    report.check(
        quantity, differing, Tolerance.EXACT, compared + " of " + n * n + " elements are read");
  }

  private static double[] modelMask(int[] maskAr, NDManager parent, Kernels kernels) {
    ModelConfig config =
        new ModelConfig(
            new VisionConfig(2, 1, 2, 1, 1, 1e-6),
            new LanguageConfig(2, 2, 1, 2, 1, 1, 2, 2, 0, 0, false, 0, 1e4, 1e-6));
    List<double[]> masks = new ArrayList<>();
    try (NDManager manager = parent.newSubManager();
        Parameters parameters = Parameters.zeros(manager, ParameterSpecs.of(config, 1))) {
      Shape text = new Shape(1, maskAr.length);
      Models.of(config, Precision.F32, kernels)
          .logits(
              manager,
              Weights.of(parameters),
              new ModelInput(
                  manager.zeros(new Shape(1, 0, 1, 1, 3)),
                  manager.zeros(text, DataType.INT64),
                  manager.create(Arrays.stream(maskAr).asLongStream().toArray(), text)),
              (name, value) -> {
                if (name.equals("attn_mask")) {
                  masks.add(Values.of(value));
                }
              });
    }
    return masks.get(0);
  }

  private static double differing(int[] actual, JsonNode expected) {
    return Values.differing(Values.of(actual), Values.of(expected));
  }

  private static int[] head(int[] a) {
    return Arrays.copyOf(a, a.length - 1);
  }

  private static int[] tail(int[] a) {
    return Arrays.copyOfRange(a, 1, a.length);
  }

  private static int[] ints(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }
}
