package dev.palimpsest.eval.benchmarks.forms.captions;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.mixtures.formats.Csv;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Screen2Words (https://github.com/google-research-datasets/screen2words), {@code
 * screen_summaries.csv}: a row for each summary, gathered by screen, of the screens that the split
 * lists. Rows have this form:
 *
 * <pre>
 * screenId,summary
 * 9,login page of an application
 * </pre>
 */
public final class Screen2WordsForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    return Screens.of(summaries(files.file("summaries")), files.file("screens"));
  }

  static List<BenchmarkExample> summaries(Path file) throws IOException {
    Map<String, List<String>> summaries = new LinkedHashMap<>();
    for (Map<String, String> row : Csv.read(file, "screenId", "summary")) {
      summaries
          .computeIfAbsent(row.getOrDefault("screenId", ""), id -> new ArrayList<>())
          .add(row.getOrDefault("summary", ""));
    }
    List<BenchmarkExample> examples = new ArrayList<>();
    summaries.forEach(
        (id, texts) ->
            examples.add(new BenchmarkExample(id, List.of(id + ".jpg"), "", texts, Map.of())));
    return examples;
  }
}
