package dev.palimpsest.eval.benchmarks.forms.questions;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.mixtures.formats.Csv;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * MMVP (https://huggingface.co/datasets/MMVP/MMVP), {@code Questions.csv}; questions 1 and 2 are a
 * pair, and so on. The reference is the text of the correct option; fields {@code pair}, {@code
 * options}, {@code correct} ({@code (a)}).
 *
 * <pre>
 * Index,Question,Options,Correct Answer
 * 1,Are the butterfly's wings closer to being open or closed?,(a) Open (b) Closed,(a)
 * </pre>
 */
public final class MmvpForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path file = files.file("questions");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map<String, String> row :
        Csv.read(file, "Index", "Question", "Options", "Correct Answer")) {
      String id = row.getOrDefault("Index", "");
      String options = row.getOrDefault("Options", "");
      String correct = row.getOrDefault("Correct Answer", "").strip();
      int at = options.indexOf(correct);
      if (!id.matches("\\d{1,6}") || at < 0) {
        throw new BenchmarkFormatException(
            file + ": question " + id + ": the correct answer is not one of the options");
      }
      String text = options.substring(at + correct.length()).split("\\([a-z]\\)", 2)[0].strip();
      JsonNodeFactory nodes = JsonNodeFactory.instance;
      examples.add(
          new BenchmarkExample(
              id,
              List.of(id + ".jpg"),
              row.getOrDefault("Question", ""),
              List.of(text),
              Map.of(
                  "pair",
                  nodes.numberNode((Integer.parseInt(id) - 1) / 2),
                  "options",
                  nodes.textNode(options),
                  "correct",
                  nodes.textNode(correct))));
    }
    return examples;
  }
}
