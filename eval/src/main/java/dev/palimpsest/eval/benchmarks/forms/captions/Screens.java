package dev.palimpsest.eval.benchmarks.forms.captions;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.mixtures.formats.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The screens of a split of RICO, a screen's number on each line. */
final class Screens {
  private Screens() {}

  /** Only the examples whose screen the split lists. */
  static List<BenchmarkExample> of(List<BenchmarkExample> examples, Path split) throws IOException {
    Set<String> screens = new LinkedHashSet<>();
    TextFile.lines(split).forEach(line -> screens.add(line.strip()));
    return examples.stream()
        .filter(e -> screens.contains(e.images().get(0).replaceFirst("\\.jpg$", "")))
        .toList();
  }
}
