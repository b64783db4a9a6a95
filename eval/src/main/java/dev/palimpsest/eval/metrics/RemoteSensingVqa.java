package dev.palimpsest.eval.metrics;

import java.util.List;

/** RSVQA: accuracy per question type, and the types' unweighted mean, in lower case. */
final class RemoteSensingVqa implements Metric {
  private static final MetricId ID = new MetricId("rsvqa", "big_vision", 1);

  /** Types whose answers are numbers; papers also quote the mean without them. */
  private static final List<String> NUMERIC = List.of("count", "area");

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
    Scoreboard board = new Scoreboard(ID, "acc");
    for (MetricRecord record : records) {
      String given = PythonText.lower(record.prediction());
      double score =
          record.requireReferences().stream().map(PythonText::lower).anyMatch(given::equals)
              ? 1
              : 0;
      board.add(record, score);
      board.add("acc/" + record.require("question_type").asText(), score);
    }
    List<String> types = board.quantities().stream().filter(q -> q.startsWith("acc/")).toList();
    types.stream().mapToDouble(board::mean).average().ifPresent(mean -> board.put("acc_avg", mean));
    types.stream()
        .filter(type -> !NUMERIC.contains(type.substring("acc/".length())))
        .mapToDouble(board::mean)
        .average()
        .ifPresent(mean -> board.put("acc_avg_nonum", mean));
    return board.result();
  }
}
