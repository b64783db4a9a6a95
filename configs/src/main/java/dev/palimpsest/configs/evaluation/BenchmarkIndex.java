package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The shipped benchmarks.
 *
 * @param benchmarks names, in the order of the paper's tables
 * @param suites named sets of benchmarks
 * @param notScorable rows of the paper's tables that no rule can score, each with its reason
 */
public record BenchmarkIndex(
    List<String> benchmarks, Map<String, List<String>> suites, Map<String, String> notScorable) {
  /** Checks that suites contain only known benchmarks. */
  public BenchmarkIndex {
    Check check = new Check();
    for (Map.Entry<String, List<String>> suite : suites.entrySet()) {
      for (String name : suite.getValue()) {
        check.that(
            benchmarks.contains(name),
            "suites." + suite.getKey(),
            "'%s' is not a benchmark%s",
            name,
            Suggestion.among(name, benchmarks));
      }
    }
    check.done();
    benchmarks = List.copyOf(benchmarks);
    suites = Collections.unmodifiableMap(new LinkedHashMap<>(suites));
    notScorable = Collections.unmodifiableMap(new LinkedHashMap<>(notScorable));
  }

  /**
   * The benchmarks in a comma-separated list of suites and benchmarks, without repetitions.
   *
   * @throws InvalidConfigException if a name is neither; suggests the most similar name
   */
  public List<String> expand(String names) {
    Set<String> expanded = new LinkedHashSet<>();
    List<Problem> problems = new ArrayList<>();
    for (String name : names.split(",")) {
      String wanted = name.strip();
      List<String> suite = suites.get(wanted);
      if (suite != null) {
        expanded.addAll(suite);
      } else if (benchmarks.contains(wanted)) {
        expanded.add(wanted);
      } else {
        List<String> known = new ArrayList<>(suites.keySet());
        known.addAll(benchmarks);
        problems.add(
            new Problem(
                "",
                "'"
                    + wanted
                    + "' is not a suite, a benchmark or a file"
                    + Suggestion.among(wanted, known)));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return List.copyOf(expanded);
  }
}
