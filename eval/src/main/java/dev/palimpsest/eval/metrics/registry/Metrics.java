package dev.palimpsest.eval.metrics.registry;

import dev.palimpsest.eval.metrics.EditDistance;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.answers.Anls;
import dev.palimpsest.eval.metrics.answers.AokVqa;
import dev.palimpsest.eval.metrics.answers.ExactMatch;
import dev.palimpsest.eval.metrics.answers.Mmvp;
import dev.palimpsest.eval.metrics.answers.Nlvr2;
import dev.palimpsest.eval.metrics.answers.Pope;
import dev.palimpsest.eval.metrics.answers.RelaxedAccuracy;
import dev.palimpsest.eval.metrics.answers.RemoteSensingVqa;
import dev.palimpsest.eval.metrics.answers.ScienceQa;
import dev.palimpsest.eval.metrics.answers.SoftAccuracy;
import dev.palimpsest.eval.metrics.answers.TallyQa;
import dev.palimpsest.eval.metrics.answers.VqaAccuracy;
import dev.palimpsest.eval.metrics.boxes.CocoMapMetric;
import dev.palimpsest.eval.metrics.boxes.LocationTokenMap;
import dev.palimpsest.eval.metrics.boxes.RefCocoBox;
import dev.palimpsest.eval.metrics.boxes.RefCocoSegmentation;
import dev.palimpsest.eval.metrics.captions.CaptionMetric;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Every metric, by name and variant. */
public final class Metrics {
  private static final List<Metric> ALL = List.copyOf(listed());

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
   * A metric by {@code name} (its default variant) or {@code name:variant}.
   *
   * @throws MetricInputException when there is none; the message suggests the nearest and lists all
   */
  public static Metric find(String name) {
    return find(name, List.of());
  }

  /**
   * The same with further names.
   *
   * @param others other names for the message, which could have been meant: those of benchmarks
   */
  public static Metric find(String name, Collection<String> others) {
    return ALL.stream()
        .filter(m -> m.id().key().equals(name) || m.id().name().equals(name))
        .findFirst()
        .orElseThrow(() -> new MetricInputException(unknown(name, others)));
  }

  private static String unknown(String name, Collection<String> others) {
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
    others.stream().sorted().filter(other -> !known.contains(other)).forEach(known::add);
    return "there is no metric \"%s\"; nearest: \"%s\"; metrics: %s"
        .formatted(bare, nearest(bare, known).orElseThrow(), String.join(", ", known));
  }

  private static Optional<String> nearest(String wanted, List<String> candidates) {
    return candidates.stream().min(Comparator.comparingInt(c -> EditDistance.of(wanted, c)));
  }
}
