package dev.palimpsest.eval.metrics;

import java.util.List;

/** A-OKVQA (Schwenk et al. 2022), by its own script: raw equality, no normalisation. */
final class AokVqa {
  private AokVqa() {}

  static List<Metric> variants() {
    return List.of(
        new MultipleChoice("official"),
        new MultipleChoice("big_vision"),
        new DirectAnswer("official"),
        new DirectAnswer("big_vision"));
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

  private record DirectAnswer(MetricId id) implements Metric {
    DirectAnswer(String variant) {
      this(new MetricId("aokvqa_da", variant, 1));
    }

    @Override
    public String needs() {
      return "references: the direct answers (10); field, optional: difficult_direct_answer, true"
          + " leaves the question out";
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(id, "acc");
      for (MetricRecord record : records) {
        if (record.text("difficult_direct_answer").filter("true"::equals).isEmpty()) {
          board.add(record, Annotators.outOfThree(record.prediction(), record.requireReferences()));
        }
      }
      return board.result();
    }
  }
}
