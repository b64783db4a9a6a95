package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;

/**
 * TallyQA and CountBenchQA: equality of counts, where number words up to twenty are digits. The
 * original aborts at a true count above 15, which is scored normally here.
 */
public final class TallyQa implements Metric {
  private static final List<String> WORDS =
      List.of(
          "zero",
          "one",
          "two",
          "three",
          "four",
          "five",
          "six",
          "seven",
          "eight",
          "nine",
          "ten",
          "eleven",
          "twelve",
          "thirteen",
          "fourteen",
          "fifteen",
          "sixteen",
          "seventeen",
          "eighteen",
          "nineteen",
          "twenty");

  private static final MetricId ID = new MetricId("tallyqa", "big_vision", 1);

  @Override
  public MetricId id() {
    return ID;
  }

  @Override
  public String needs() {
    return "references: 1, the count; field, optional: simple (true, false)";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(ID, "acc");
    for (MetricRecord record : records) {
      String wanted = digits(record.onlyReference());
      double score = digits(record.prediction()).equals(wanted) ? 1 : 0;
      board.add(record, score);
      record
          .text("simple")
          .or(() -> record.text("issimple"))
          .map(s -> s.equals("true") || s.equals("1") ? "simple" : "complex")
          .ifPresent(kind -> board.add("acc/" + kind, score));
      board.add("acc/count_" + wanted, score);
    }
    for (String quantity : board.quantities()) {
      board.put(quantity.replaceFirst("^acc", "num"), board.count(quantity));
    }
    return board.result();
  }

  private static String digits(String answer) {
    String lower = PythonText.lower(answer);
    int word = lower.equals("none") ? 0 : WORDS.indexOf(lower);
    return word < 0 ? answer : Integer.toString(word);
  }
}
