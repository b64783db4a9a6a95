package dev.palimpsest.eval.benchmarks.forms;

import java.io.IOException;
import java.util.List;

/**
 * One form in which benchmarks publish their files. A form is stateless; its class comment says
 * where the files come from and shows a row of them.
 */
public interface BenchmarkForm {
  /**
   * Every example in the files, in the files' order.
   *
   * @throws BenchmarkFormatException when the files are not in this form
   */
  List<BenchmarkExample> read(BenchmarkFiles files) throws IOException;

  /** What a reader of a score should know about these files. */
  default List<String> notes(BenchmarkFiles files) {
    return List.of();
  }
}
