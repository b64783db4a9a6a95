package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * ChartQA's relaxed accuracy (Methani et al. 2020): numbers within 5% of the target, otherwise
 * equal texts in lower case. Numbers with thousands separators, currency signs or units are not
 * read as numbers, and the 5% also apply to years; both are part of the published definition.
 */
public final class RelaxedAccuracy implements Metric {
  private final MetricId id;
  private final boolean stripsPrediction;

  private RelaxedAccuracy(String variant, boolean stripsPrediction) {
    this.id = new MetricId("chartqa", variant, 1);
    this.stripsPrediction = stripsPrediction;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        new RelaxedAccuracy("official", false),
        new RelaxedAccuracy("big_vision", false),
        new RelaxedAccuracy("lmms_eval", false),
        new RelaxedAccuracy("vlmevalkit", true));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: 1; field, optional: split (human_test, augmented_test)";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "relaxed_acc");
    for (MetricRecord record : records) {
      String prediction =
          stripsPrediction ? PythonText.strip(record.prediction()) : record.prediction();
      String target = record.onlyReference();
      double relaxed = relaxed(prediction, target) ? 1 : 0;
      board.add(record, relaxed);
      board.add("acc", equal(prediction, target) ? 1 : 0);
      record
          .text("split")
          .or(() -> record.text("type"))
          .ifPresent(split -> board.add("relaxed_acc/" + split, relaxed));
    }
    // The papers quote the average of the human and the augmented split.
    List<String> splits =
        board.quantities().stream().filter(q -> q.startsWith("relaxed_acc/")).toList();
    if (splits.size() > 1) {
      board.put(
          "relaxed_acc_mean_of_splits",
          splits.stream().mapToDouble(board::mean).average().orElseThrow());
    }
    return board.result();
  }

  private static boolean equal(String prediction, String target) {
    return PythonText.lower(prediction).equals(PythonText.lower(target));
  }

  private static boolean relaxed(String prediction, String target) {
    OptionalDouble predicted = number(prediction);
    OptionalDouble wanted = number(target);
    if (Stream.of(predicted, wanted).allMatch(OptionalDouble::isPresent)
        && wanted.getAsDouble() != 0) {
      // Exactly this expression: 1.05 against 1 fails by the last bit, as in the original.
      return Math.abs(predicted.getAsDouble() - wanted.getAsDouble())
              / Math.abs(wanted.getAsDouble())
          <= 0.05;
    }
    return equal(prediction, target);
  }

  /** A number, or a percentage as a fraction. */
  public static OptionalDouble number(String text) {
    if (!text.endsWith("%")) {
      return PythonText.toFloat(text);
    }
    OptionalDouble percent = PythonText.toFloat(withoutPercentSigns(text));
    return percent.isEmpty() ? percent : OptionalDouble.of(percent.getAsDouble() / 100);
  }

  /** {@code text.rstrip('%')}. */
  private static String withoutPercentSigns(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == '%') {
      end--;
    }
    return text.substring(0, end);
  }
}
