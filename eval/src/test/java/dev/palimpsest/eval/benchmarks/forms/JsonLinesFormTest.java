package dev.palimpsest.eval.benchmarks.forms;

import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.read;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.evaluation.BenchmarkFormat;
import dev.palimpsest.eval.benchmarks.forms.captions.CocoCaptionsForm;
import dev.palimpsest.eval.benchmarks.forms.questions.VqaForm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files are read as programs write them, whatever the form. */
class JsonLinesFormTest {
  /** Python writes NaN, pandas 2.0 for 2, and editors a byte order mark. */
  @Test
  void filesAreReadAsProgramsWriteThem(@TempDir Path folder) throws IOException {
    Path coco = folder.resolve("captions.json");
    Files.writeString(
        coco,
        """
        \ufeff{"images": [{"id": 2, "file_name": "2.jpg", "width": NaN}],
         "annotations": [{"image_id": 2.0, "caption": "a kettle", "score": Infinity}]}""");
    List<BenchmarkExample> captions =
        read(new CocoCaptionsForm(), BenchmarkFormat.COCO_CAPTIONS, coco);
    assertEquals(1, captions.size());
    assertEquals("2", captions.get(0).id());
    assertEquals(List.of("a kettle"), captions.get(0).references());

    Path questions = folder.resolve("q.json");
    Path annotations = folder.resolve("a.json");
    Files.writeString(
        questions,
        "{\"questions\": [{\"question_id\": 7.0, \"image_id\": 2.0, \"question\": \"q\"}]}");
    Files.writeString(
        annotations, "{\"annotations\": [{\"question_id\": 7, \"image_id\": 2, \"answers\": []}]}");
    BenchmarkExample joined =
        read(new VqaForm(), BenchmarkFormat.VQA, questions, annotations).get(0);
    assertEquals("7", joined.id());
    assertEquals(List.of("000000000002.jpg"), joined.images());

    Path lines = folder.resolve("lines.jsonl");
    Files.writeString(lines, "\ufeff{\"id\": 1, \"image\": \"1.jpg\", \"references\": \"a\"}\n");
    assertEquals("1", read(new JsonLinesForm(), BenchmarkFormat.JSON_LINES, lines).get(0).id());
    Files.write(lines, "{}".getBytes(StandardCharsets.UTF_16));
    assertTrue(
        String.valueOf(
                assertThrows(
                        IllegalArgumentException.class,
                        () -> read(new JsonLinesForm(), BenchmarkFormat.JSON_LINES, lines))
                    .getMessage())
            .contains("lines.jsonl is UTF-16"));
  }
}
