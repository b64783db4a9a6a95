package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * NLVR2 (Suhr et al. 2019): accuracy of {@code True} and {@code False}, case-sensitive, and
 * consistency, the share of sentences that are judged correctly for each of their image pairs.
 */
public final class Nlvr2 implements Metric {
  private final MetricId id;

  private Nlvr2(String variant) {
    this.id = new MetricId("nlvr2", variant, 1);
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(new Nlvr2("official"), new Nlvr2("big_vision"));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: 1, True or False; field, optional: sentence_id, otherwise taken from ids of"
        + " the form split-set-pair-sentence";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "acc");
    Map<String, Boolean> allRight = new LinkedHashMap<>();
    for (MetricRecord record : records) {
      boolean right = record.prediction().equals(record.onlyReference());
      board.add(record, right ? 1 : 0);
      allRight.merge(sentence(record), right, Boolean::logicalAnd);
    }
    long consistent = allRight.values().stream().filter(r -> r).count();
    board.put("consistency", (double) consistent / Math.max(1, allRight.size()));
    return board.result();
  }

  /** {@code test1-0-2-1} is sentence 1 of set 0, with its image pair 2. */
  private static String sentence(MetricRecord record) {
    return record
        .text("sentence_id")
        .orElseGet(
            () -> {
              String[] parts = record.id().split("-");
              return parts.length == 4 ? parts[0] + "-" + parts[1] + "-" + parts[3] : record.id();
            });
  }
}
