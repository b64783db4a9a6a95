package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;

/**
 * VQAv2 accuracy: agreement with ten annotators, leaving out one at a time.
 *
 * <p>The official script and big_vision clean texts only if the annotators' answers differ;
 * lmms-eval and VLMEvalKit always do so, which alone adds about six points.
 */
public final class VqaAccuracy implements Metric {
  private final MetricId id;
  private final VqaText text;
  private final boolean alwaysCleans;

  private VqaAccuracy(String variant, VqaText text, boolean alwaysCleans) {
    this.id = new MetricId("vqa", variant, 1);
    this.text = text;
    this.alwaysCleans = alwaysCleans;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        new VqaAccuracy("official", VqaText.OFFICIAL, false),
        new VqaAccuracy("official_python2", VqaText.PYTHON2, false),
        new VqaAccuracy("big_vision", VqaText.BIG_VISION, false),
        new VqaAccuracy("lmms_eval", VqaText.OFFICIAL, true),
        new VqaAccuracy("vlmevalkit", VqaText.VLMEVALKIT, true));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: one per annotator (VQAv2: 10); fields, optional: answer_type, question_type";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "acc");
    for (MetricRecord record : records) {
      double accuracy = accuracy(record.prediction(), record.requireReferences());
      board.add(record, accuracy);
      record.text("answer_type").ifPresent(t -> board.add("acc/" + t.replace("/", ""), accuracy));
      record.text("question_type").ifPresent(t -> board.add("acc/question/" + t, accuracy));
    }
    for (String type : List.of("yesno", "number", "other")) {
      if (board.count("acc/" + type) > 0) {
        board.put("num/" + type, board.count("acc/" + type));
      }
    }
    return board.result();
  }

  /** The accuracy in [0, 1]. */
  double accuracy(String prediction, List<String> answers) {
    String predicted = VqaText.trimmed(prediction);
    List<String> given = answers.stream().map(VqaText::trimmed).toList();
    if (alwaysCleans || given.stream().distinct().count() > 1) {
      predicted = text.normalize(predicted);
      given = given.stream().map(text::normalize).toList();
    }
    return Annotators.leaveOneOut(predicted, given);
  }
}
