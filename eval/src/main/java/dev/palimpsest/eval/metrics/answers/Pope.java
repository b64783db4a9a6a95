package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;

/**
 * POPE (Li et al. 2023), object hallucination by yes-or-no questions. The papers quote the mean
 * over the random, popular and adversarial categories. All values are fractions of one, including
 * {@code valid_percent}, which is big_vision's name for the share of answers that are yes or no.
 */
public final class Pope implements Metric {
  private final MetricId id;
  private final boolean strips;

  private Pope(String variant, boolean strips) {
    this.id = new MetricId("pope", variant, 1);
    this.strips = strips;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(new Pope("big_vision", false), new Pope("lmms_eval", true));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: 1, yes or no; field, optional: category (random, popular, adversarial)";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "acc");
    int yesBoth = 0;
    int yesGiven = 0;
    int yesWanted = 0;
    for (MetricRecord record : records) {
      String given = PythonText.lower(record.prediction());
      given = strips ? PythonText.strip(given) : given;
      String wanted = record.onlyReference();
      wanted = strips ? PythonText.strip(PythonText.lower(wanted)) : wanted;
      boolean valid = given.equals("yes") || given.equals("no");
      if (!valid) {
        board.parseFailure();
      }
      double score = given.equals(wanted) ? 1 : 0;
      board.add(record, score);
      board.add("valid_percent", valid ? 1 : 0);
      record.text("category").ifPresent(c -> board.add("acc/" + c, score));
      yesBoth += given.equals("yes") && wanted.equals("yes") ? 1 : 0;
      yesGiven += given.equals("yes") ? 1 : 0;
      yesWanted += wanted.equals("yes") ? 1 : 0;
    }
    List<String> categories =
        board.quantities().stream().filter(q -> q.startsWith("acc/")).toList();
    if (categories.size() > 1) {
      board.put(
          "acc_mean_of_categories",
          categories.stream().mapToDouble(board::mean).average().orElseThrow());
    }
    double precision = yesGiven == 0 ? 0 : (double) yesBoth / yesGiven;
    double recall = yesWanted == 0 ? 0 : (double) yesBoth / yesWanted;
    board.put("precision", precision);
    board.put("recall", recall);
    board.put("f1", yesBoth == 0 ? 0 : 2 * precision * recall / (precision + recall));
    // Over the references, as in lmms-eval.
    board.put("yes_ratio", (double) yesWanted / Math.max(1, records.size()));
    return board.result();
  }
}
