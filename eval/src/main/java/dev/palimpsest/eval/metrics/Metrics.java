package dev.palimpsest.eval.metrics;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Every metric, by name and variant. */
public final class Metrics {
  private static final List<Metric> ALL = List.copyOf(listed());

  /** What a benchmark is scored with unless a task says otherwise. */
  private static final Map<String, String> BENCHMARKS =
      Map.ofEntries(
          Map.entry("vqav2", "vqa:official"),
          Map.entry("textvqa", "vqa_soft:official"),
          Map.entry("okvqa", "vqa_soft:big_vision"),
          Map.entry("vizwiz", "vqa_soft:big_vision"),
          Map.entry("ocrvqa", "exact_match:big_vision"),
          Map.entry("gqa", "exact_match:big_vision"),
          Map.entry("xgqa", "exact_match_by_language:big_vision"),
          Map.entry("marvl", "exact_match_by_language:big_vision"),
          Map.entry("docvqa", "anls:official"),
          Map.entry("infovqa", "anls:official"),
          Map.entry("stvqa", "anls:official"),
          Map.entry("countbenchqa", "tallyqa:big_vision"),
          Map.entry("nocaps", "cider:official"),
          Map.entry("textcaps", "cider:official"),
          Map.entry("scicap", "cider:official"),
          Map.entry("screen2words", "cider:official"),
          Map.entry("widgetcap", "cider:official"),
          Map.entry("xm3600", "cider_by_language:official"),
          Map.entry("coco35l", "cider_by_language:official"));

  private Metrics() {}

  private static List<Metric> listed() {
    List<Metric> all = new ArrayList<>();
    all.addAll(VqaAccuracy.variants());
    all.addAll(SoftAccuracy.variants());
    all.addAll(Anls.variants());
    all.addAll(RelaxedAccuracy.variants());
    all.addAll(ExactMatch.variants());
    all.addAll(AokVqa.variants());
    all.add(new TallyQa());
    all.addAll(ScienceQa.variants());
    all.addAll(Pope.variants());
    all.addAll(Nlvr2.variants());
    all.add(new RemoteSensingVqa());
    all.add(new Mmvp());
    all.addAll(RefCocoBox.variants());
    all.addAll(RefCocoSegmentation.variants());
    all.add(new CocoMapMetric());
    all.add(new LocationTokenMap());
    all.addAll(CaptionMetric.variants());
    all.addAll(
        ByLanguage.of(
            all.stream()
                .filter(m -> List.of("cider", "exact_match").contains(m.id().name()))
                .toList()));
    return all;
  }

  /** All metrics in all variants, the default variant of each name first. */
  public static List<Metric> all() {
    return ALL;
  }

  /** The names, each once. */
  public static List<String> names() {
    return List.copyOf(
        ALL.stream().map(m -> m.id().name()).collect(Collectors.toCollection(LinkedHashSet::new)));
  }

  /**
   * A metric by {@code name} (its default variant), {@code name:variant}, or the name of a
   * benchmark such as {@code textvqa}.
   *
   * @throws MetricInputException when there is none; suggests the nearest and lists all
   */
  public static Metric find(String name) {
    String wanted = BENCHMARKS.getOrDefault(name, name);
    return ALL.stream()
        .filter(m -> m.id().key().equals(wanted) || m.id().name().equals(wanted))
        .findFirst()
        .orElseThrow(() -> new MetricInputException(unknown(name)));
  }

  /** What {@link #find} says of each name that there is none of. */
  public static List<String> mistakes(Collection<String> names) {
    List<String> mistakes = new ArrayList<>();
    for (String name : names) {
      try {
        find(name);
      } catch (MetricInputException e) {
        mistakes.add(String.valueOf(e.getMessage()));
      }
    }
    return mistakes;
  }

  private static String unknown(String name) {
    int colon = name.indexOf(':');
    String bare = colon < 0 ? name : name.substring(0, colon);
    List<String> variants =
        ALL.stream().filter(m -> m.id().name().equals(bare)).map(m -> m.id().variant()).toList();
    if (!variants.isEmpty()) {
      String variant = name.substring(colon + 1);
      return "metric \"%s\" has no variant \"%s\"; nearest: \"%s\"; variants: %s"
          .formatted(
              bare, variant, nearest(variant, variants).orElseThrow(), String.join(", ", variants));
    }
    List<String> known = new ArrayList<>(names());
    BENCHMARKS.keySet().stream().sorted().filter(b -> !known.contains(b)).forEach(known::add);
    return "there is no metric \"%s\"; nearest: \"%s\"; metrics: %s"
        .formatted(bare, nearest(bare, known).orElseThrow(), String.join(", ", known));
  }

  private static Optional<String> nearest(String wanted, List<String> candidates) {
    return candidates.stream().min(Comparator.comparingInt(c -> EditDistance.of(wanted, c)));
  }
}
