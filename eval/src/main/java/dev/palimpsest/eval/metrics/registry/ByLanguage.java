package dev.palimpsest.eval.metrics.registry;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.MetricResult.ExampleScore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Computes another metric for each language, and the mean over languages: XM3600 and COCO-35L
 * (CIDEr), xGQA and MaRVL (accuracy). The headline is the mean over languages other than English,
 * which the papers report beside English.
 */
final class ByLanguage implements Metric {
  private final Metric metric;
  private final MetricId id;

  private ByLanguage(Metric metric) {
    this.metric = metric;
    MetricId inner = metric.id();
    this.id = new MetricId(inner.name() + "_by_language", inner.variant(), inner.version());
  }

  static List<Metric> of(List<Metric> metrics) {
    return metrics.stream().<Metric>map(ByLanguage::new).toList();
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return metric.needs() + "; field: language, such as en";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    if (records.isEmpty()) {
      throw new MetricInputException(id.key() + ": there are no examples to score");
    }
    Map<String, List<MetricRecord>> languages = new TreeMap<>();
    for (MetricRecord record : records) {
      languages
          .computeIfAbsent(record.require("language").asText(), l -> new ArrayList<>())
          .add(record);
    }
    Map<String, MetricResult> results = new LinkedHashMap<>();
    languages.forEach((language, part) -> results.put(language, metric.score(part)));

    String quantity = results.values().iterator().next().quantity();
    Map<String, Double> values = new LinkedHashMap<>();
    List<MetricResult> quoted =
        results.entrySet().stream()
            .filter(e -> !e.getKey().equals("en") || results.size() == 1)
            .map(Map.Entry::getValue)
            .toList();
    values.put(quantity + "_mean_without_en", mean(quoted));
    values.put(quantity + "_mean", mean(results.values()));
    results.forEach((language, result) -> values.put(quantity + "/" + language, result.value()));

    // Only examples of the languages that count, one language after the other.
    List<ExampleScore> examples = new ArrayList<>();
    quoted.forEach(result -> examples.addAll(result.examples()));
    return new MetricResult(
        id,
        quantity + "_mean_without_en",
        mean(quoted),
        values,
        examples,
        examples.size(),
        quoted.stream().mapToInt(MetricResult::parseFailures).sum(),
        drawn -> resampled(quoted, drawn));
  }

  private static double mean(Collection<MetricResult> results) {
    return results.stream().mapToDouble(MetricResult::value).average().orElseThrow();
  }

  /**
   * Each language's headline value over its part of the resample; a language without examples is
   * left out.
   */
  private static double resampled(List<MetricResult> results, int[] drawn) {
    double sum = 0;
    int languages = 0;
    int start = 0;
    for (MetricResult result : results) {
      int first = start;
      int end = start + result.examples().size();
      int[] own =
          Arrays.stream(drawn).filter(i -> i >= first && i < end).map(i -> i - first).toArray();
      if (own.length > 0) {
        sum += result.headline().of(own);
        languages++;
      }
      start = end;
    }
    return sum / languages;
  }
}
