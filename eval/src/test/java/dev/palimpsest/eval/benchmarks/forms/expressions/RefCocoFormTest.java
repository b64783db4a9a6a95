package dev.palimpsest.eval.benchmarks.forms.expressions;

import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.FOLDER;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.MISSING;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.assertExample;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.expected;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.file;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.texts;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Referring expressions, and the pickles that they come in. */
class RefCocoFormTest {
  static Stream<Path> pickles() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(f -> f.toString().endsWith(".p")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("pickles")
  void expressionsAreReadFromEveryPickleProtocol(Path pickle) throws IOException {
    JsonNode wanted = expected("refs(*).p + instances.json").get(0);
    List<BenchmarkExample> examples = RefCocoForm.read(pickle, file("instances.json"));
    assertEquals(
        texts(wanted.path("expressions")),
        examples.stream().map(BenchmarkExample::question).toList());
    for (BenchmarkExample example : examples) {
      assertExample(
          wanted,
          example,
          "ref_id: field ref_id",
          "split: field split",
          "ann_id: field ann_id",
          "image_file: image",
          "height: field height",
          "width: field width");
      assertEquals(
          texts(wanted.path("bbox_xywh")), texts(example.fields().getOrDefault("bbox", MISSING)));
    }
  }

  @Test
  void fivePicklesWereRead() throws IOException {
    assertEquals(5, pickles().count());
  }
}
