package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;

/** A-OKVQA (Schwenk et al. 2022): raw equality, no normalisation. */
public final class AokVqa {
  private AokVqa() {}

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        new MultipleChoice("official"),
        new MultipleChoice("big_vision"),
        new DirectAnswer(new MetricId("aokvqa_da", "official", 1), true),
        new DirectAnswer(new MetricId("aokvqa_da", "big_vision", 2), false));
  }

  private record MultipleChoice(MetricId id) implements Metric {
    MultipleChoice(String variant) {
      this(new MetricId("aokvqa_mc", variant, 1));
    }

    @Override
    public String needs() {
      return "references: 1, the text of the correct choice";
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(id, "acc");
      for (MetricRecord record : records) {
        board.add(record, record.prediction().equals(record.onlyReference()) ? 1 : 0);
      }
      return board.result();
    }
  }

  /**
   * @param leavesOut whether questions that the authors call too difficult for direct answers are
   *     left out, as the official script does; big_vision scores every question
   */
  private record DirectAnswer(MetricId id, boolean leavesOut) implements Metric {
    @Override
    public String needs() {
      return "references: the direct answers (10)"
          + (leavesOut
              ? "; field, optional: difficult_direct_answer, true leaves the question out"
              : "");
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(id, "acc");
      for (MetricRecord record : records) {
        boolean difficult =
            record.text("difficult_direct_answer").filter("true"::equals).isPresent();
        if (!(difficult && leavesOut)) {
          board.add(record, Annotators.outOfThree(record.prediction(), record.requireReferences()));
        }
      }
      return board.result();
    }
  }
}
