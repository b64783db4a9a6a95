package dev.palimpsest.eval.metrics.captions;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.MetricResult.ExampleScore;
import dev.palimpsest.eval.metrics.MetricResult.Headline;
import dev.palimpsest.eval.metrics.Scoreboard.MeanOf;
import dev.palimpsest.eval.metrics.Statistics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * CIDEr, BLEU and ROUGE-L of captions, as in the COCO caption evaluation (pycocoevalcap).
 * big_vision and lmms-eval run the same program, so their variants give the same numbers.
 */
public final class CaptionMetric implements Metric {
  private enum Kind {
    CIDER("cider", "CIDEr"),
    BLEU("bleu", "Bleu_4"),
    ROUGE_L("rouge_l", "ROUGE_L"),
    ALL("coco_caption", "CIDEr");

    final String metric;
    final String quantity;

    Kind(String metric, String quantity) {
      this.metric = metric;
      this.quantity = quantity;
    }
  }

  private final MetricId id;
  private final Kind kind;

  private CaptionMetric(Kind kind, String variant) {
    this.id = new MetricId(kind.metric, variant, 1);
    this.kind = kind;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    List<Metric> all = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      for (String variant : List.of("official", "big_vision", "lmms_eval")) {
        all.add(new CaptionMetric(kind, variant));
      }
    }
    return all;
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: one or more captions; one record per image, the whole split at once";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Captions captions = Captions.of(id, records);
    Map<String, Double> values = new LinkedHashMap<>();
    double[] scores = new double[records.size()];
    Headline headline = new MeanOf(scores);
    if (kind == Kind.BLEU || kind == Kind.ALL) {
      Bleu bleu = new Bleu(captions);
      for (int n = 1; n <= NgramIndex.ORDERS; n++) {
        values.put("Bleu_" + n, bleu.corpus(n));
      }
      for (int i = 0; i < scores.length; i++) {
        scores[i] = bleu.image(NgramIndex.ORDERS, i);
      }
      headline = drawn -> bleu.corpus(NgramIndex.ORDERS, drawn);
    }
    if (kind == Kind.ROUGE_L || kind == Kind.ALL) {
      scores = RougeL.scores(captions);
      values.put("ROUGE_L", Statistics.mean(scores));
      headline = new MeanOf(scores);
    }
    if (kind == Kind.CIDER || kind == Kind.ALL) {
      scores = Cider.scores(captions);
      values.put("CIDEr", Statistics.mean(scores));
      // Resampling images keeps the document frequencies, because otherwise the score itself
      // changes.
      headline = new MeanOf(scores);
    }
    List<ExampleScore> examples = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      examples.add(new ExampleScore(records.get(i).id(), scores[i]));
    }
    return new MetricResult(
        id,
        kind.quantity,
        values.getOrDefault(kind.quantity, Double.NaN),
        values,
        examples,
        examples.size(),
        0,
        headline);
  }
}
