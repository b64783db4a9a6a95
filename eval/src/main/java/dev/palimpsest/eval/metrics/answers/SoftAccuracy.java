package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;

/**
 * Accuracy against a list of free answers: TextVQA, OK-VQA, VizWiz, A-OKVQA direct answers.
 *
 * <p>The official TextVQA evaluator (mmf) and lmms-eval clean texts with the EvalAI processor and
 * leave out one annotator at a time. big_vision compares raw strings and takes {@code min(1,
 * matches / 3)}.
 */
public final class SoftAccuracy implements Metric {
  private enum Rule {
    EVAL_AI,
    RAW,
    RAW_LOWER
  }

  private final MetricId id;
  private final Rule rule;

  private SoftAccuracy(String variant, Rule rule) {
    this.id = new MetricId("vqa_soft", variant, 1);
    this.rule = rule;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        new SoftAccuracy("official", Rule.EVAL_AI),
        new SoftAccuracy("lmms_eval", Rule.EVAL_AI),
        new SoftAccuracy("big_vision", Rule.RAW),
        new SoftAccuracy("big_vision_to_lower", Rule.RAW_LOWER));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: the annotators' answers (TextVQA, OK-VQA: 10)";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "acc");
    for (MetricRecord record : records) {
      String prediction = record.prediction();
      List<String> answers = record.requireReferences();
      if (rule == Rule.EVAL_AI) {
        board.add(record, evalAi(prediction, answers));
        continue;
      }
      if (rule == Rule.RAW_LOWER) {
        prediction = PythonText.lower(prediction);
        answers = answers.stream().map(PythonText::lower).toList();
      }
      // A single reference is compared for equality, not given a third of a point.
      double any = answers.contains(prediction) ? 1 : 0;
      board.add(record, answers.size() == 1 ? any : Annotators.outOfThree(prediction, answers));
      board.add("acc_any", any);
      board.add("anls", Anls.bigVision(prediction, answers));
    }
    return board.result();
  }

  private static double evalAi(String prediction, List<String> answers) {
    return Annotators.leaveOneOut(
        VqaText.OFFICIAL.evalAi(prediction),
        answers.stream().map(VqaText.OFFICIAL::evalAi).toList());
  }
}
