package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An ablation: variants of a recipe that are trained with several seeds and compared.
 *
 * @param name short name; also the default name of its folder
 * @param question what it asks, for people
 * @param source where the question was asked before, such as a section of a paper
 * @param scales sizes at which it can be run, by name; the first is the default
 * @param variants overrides of the recipe by the variant's name, as {@code --set} takes them;
 *     {@code {seed}} in one stands for the seed. The first variant is what others are compared with
 * @param seeds of the runs
 * @param expected what is expected of the variants
 * @param outcome what the source found, in words
 */
public record AblationConfig(
    String name,
    @Default("''") String question,
    @Default("''") String source,
    Map<String, Scale> scales,
    Map<String, List<String>> variants,
    @Default("[0]") List<Long> seeds,
    @Default("[]") List<Expectation> expected,
    @Default("''") String outcome) {
  /**
   * A size at which an ablation can be run.
   *
   * @param recipe a recipe's file
   * @param set overrides for all variants
   * @param stage the stage that is compared, and the last one that is run
   * @param suite the suite whose scores at that stage's end are compared
   * @param task a task of the suite; absent: the mean over its tasks
   * @param metric as in {@code gates}: a metric's name, {@code exact_match}, {@code
   *     token_accuracy}, {@code loss} or {@code perplexity}; absent: the first metric of each task
   * @param variants further overrides by variant, for this size only
   * @param expected what else is expected at this size
   */
  public record Scale(
      String recipe,
      @Default("[]") List<String> set,
      String stage,
      String suite,
      @Nullable String task,
      @Nullable String metric,
      @Default("{}") Map<String, List<String>> variants,
      @Default("[]") List<Expectation> expected) {
    /** Keeps unmodifiable copies. */
    public Scale {
      set = List.copyOf(set);
      variants = Collections.unmodifiableMap(new LinkedHashMap<>(variants));
      expected = List.copyOf(expected);
    }

    /** Whether a smaller value is the better one. */
    public boolean lowerIsBetter() {
      return "loss".equals(metric) || "perplexity".equals(metric);
    }

    /** The same size with further overrides for all variants, after its own. */
    public Scale with(List<String> sets) {
      return new Scale(
          recipe,
          Stream.concat(set.stream(), sets.stream()).toList(),
          stage,
          suite,
          task,
          metric,
          variants,
          expected);
    }
  }

  /** What is expected of one variant against another. */
  public enum Relation {
    /** It is better. */
    BETTER,
    /** It is not significantly better. */
    NO_BETTER
  }

  /**
   * An expectation.
   *
   * @param variant a variant
   * @param is how it compares
   * @param than another variant
   */
  public record Expectation(String variant, Relation is, String than) {}

  /** Checks names, and that there is something to compare. */
  public AblationConfig {
    Check check =
        new Check()
            .that(
                name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
                "name",
                "must be letters, digits, '.', '_' and '-', beginning with a letter or digit, got"
                    + " '%s'",
                Problem.brief(name))
            .that(!scales.isEmpty(), "scales", "must have at least one")
            .that(variants.size() > 1, "variants", "must be at least two, got %d", variants.size())
            .that(!seeds.isEmpty(), "seeds", "must be at least one")
            .that(Set.copyOf(seeds).size() == seeds.size(), "seeds", "must be different numbers");
    for (String variant : variants.keySet()) {
      check.that(
          variant.matches("[A-Za-z0-9][A-Za-z0-9_-]{0,49}"),
          "variants." + variant,
          "is not a variant's name: letters, digits, '_' and '-', beginning with a letter or digit");
    }
    for (Map.Entry<String, Scale> scale : scales.entrySet()) {
      for (String variant : scale.getValue().variants().keySet()) {
        known(check, variants, "scales." + scale.getKey() + ".variants." + variant, variant);
      }
      known(check, variants, "scales." + scale.getKey() + ".expected", scale.getValue().expected());
    }
    known(check, variants, "expected", expected);
    check.done();
    scales = Collections.unmodifiableMap(new LinkedHashMap<>(scales));
    variants = Collections.unmodifiableMap(new LinkedHashMap<>(variants));
    seeds = List.copyOf(seeds);
    expected = List.copyOf(expected);
  }

  /** The same ablation with other seeds. */
  public AblationConfig withSeeds(List<Long> others) {
    return new AblationConfig(name, question, source, scales, variants, others, expected, outcome);
  }

  private static void known(
      Check check, Map<String, List<String>> variants, String path, List<Expectation> expected) {
    for (int i = 0; i < expected.size(); i++) {
      known(check, variants, path + "[" + i + "].variant", expected.get(i).variant());
      known(check, variants, path + "[" + i + "].than", expected.get(i).than());
    }
  }

  private static void known(
      Check check, Map<String, List<String>> variants, String path, String variant) {
    check.that(
        variants.containsKey(variant),
        path,
        "'%s' is not a variant%s",
        variant,
        Suggestion.among(variant, variants.keySet()));
  }

  /** What is expected at a size: at all of them, and at this one. */
  public List<Expectation> expected(Scale scale) {
    return Stream.concat(expected.stream(), scale.expected().stream()).toList();
  }

  /** The overrides of a variant at a size, with a seed. */
  public List<String> sets(Scale scale, String variant, long seed) {
    List<String> sets = new ArrayList<>(scale.set());
    sets.addAll(Objects.requireNonNull(variants.get(variant), variant));
    sets.addAll(scale.variants().getOrDefault(variant, List.of()));
    sets.replaceAll(set -> set.replace("{seed}", Long.toString(seed)));
    sets.add("seed=" + seed);
    return List.copyOf(sets);
  }
}
