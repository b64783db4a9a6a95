package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * RSVQA in lower case, under big_vision's names (evaluators/proj/paligemma/transfers/rsvqa.py at
 * 0127fb6): {@code acc} is {@code min(1, matches / 3)}, at most a third if a question has one
 * answer; {@code acc_any} is equality with any answer, the overall accuracy that papers quote, and
 * the headline value here; {@code acc_TYPE} is the latter by type of question, {@code acc_avg} the
 * types' unweighted mean.
 *
 * <p>{@code acc_avg_nonum} is a mean over types whose answers are not numbers. big_vision computes
 * it once for low resolution (three types) and once for high resolution (two types); if all three
 * types are present it reports both under this name, and its log keeps the second, over two types.
 * That is {@code acc_avg_nonum} here; both are also reported under names of their own. For a slice
 * that lacks one of the two types big_vision reports nothing; here it is the mean over the types
 * that are present.
 */
public final class RemoteSensingVqa implements Metric {
  private static final MetricId ID = new MetricId("rsvqa", "big_vision", 2);

  /** In big_vision's order: the last one that can be computed is the one that is logged. */
  private static final List<List<String>> NOT_NUMERIC =
      List.of(List.of("comp", "presence", "rural_urban"), List.of("comp", "presence"));

  @Override
  public MetricId id() {
    return ID;
  }

  @Override
  public String needs() {
    return "references: 1 or more; field: question_type (comp, count, presence, rural_urban, area)";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(ID, "acc_any");
    for (MetricRecord record : records) {
      String given = PythonText.lower(record.prediction());
      List<String> answers = record.requireReferences().stream().map(PythonText::lower).toList();
      double any = answers.contains(given) ? 1 : 0;
      board.add("acc", Annotators.outOfThree(given, answers));
      board.add(record, any);
      board.add("anls", Anls.bigVision(given, answers));
      board.add("acc_" + record.require("question_type").asText(), any);
    }
    Map<String, Double> byType = new LinkedHashMap<>();
    for (String quantity : board.quantities()) {
      if (quantity.startsWith("acc_") && !quantity.equals("acc_any")) {
        byType.put(quantity.substring("acc_".length()), board.mean(quantity));
      }
    }
    board.put("acc_avg", mean(byType, List.copyOf(byType.keySet())));
    List<String> there = NOT_NUMERIC.get(0).stream().filter(byType::containsKey).toList();
    if (!there.isEmpty()) {
      board.put("acc_avg_nonum", mean(byType, there));
    }
    for (List<String> types : NOT_NUMERIC) {
      if (byType.keySet().containsAll(types)) {
        double mean = mean(byType, types);
        board.put("acc_avg_nonum/" + String.join("+", types), mean);
        board.put("acc_avg_nonum", mean);
      }
    }
    return board.result();
  }

  private static double mean(Map<String, Double> byType, List<String> types) {
    return types.stream().mapToDouble(type -> byType.getOrDefault(type, 0.0)).sum() / types.size();
  }
}
