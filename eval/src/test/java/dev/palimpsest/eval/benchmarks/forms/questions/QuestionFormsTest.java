package dev.palimpsest.eval.benchmarks.forms.questions;

import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.MISSING;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.assertExample;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.assertExamples;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.expected;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.field;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.file;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.read;
import static dev.palimpsest.eval.benchmarks.forms.PublishedFiles.texts;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.evaluation.BenchmarkFormat;
import dev.palimpsest.eval.benchmarks.Benchmarks;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.Predictions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Questions in each published form. */
class QuestionFormsTest {
  @Test
  void vqaJoinsQuestionsAndAnnotations() throws IOException {
    JsonNode wanted = expected("vqav2");
    List<BenchmarkExample> examples =
        read(
            new VqaForm(),
            BenchmarkFormat.VQA,
            file("v2_OpenEnded_mscoco_val2014_questions.json"),
            file("v2_mscoco_val2014_annotations.json"));
    assertExamples(
        wanted,
        examples,
        "question_id: id",
        "image_id: field image_id",
        "question: question",
        "answer_type: field answer_type",
        "answers: references",
        "image_file: image");
  }

  @Test
  void savedVqaAnswersAreScored() throws IOException {
    Path annotations = file("v2_mscoco_val2014_annotations.json");
    Map<String, String> answers =
        Predictions.read(file("vqav2_results.json"), annotations).stream()
            .collect(Collectors.toMap(MetricRecord::id, MetricRecord::prediction));
    List<MetricRecord> records =
        read(
                new VqaForm(),
                BenchmarkFormat.VQA,
                file("v2_OpenEnded_mscoco_val2014_questions.json"),
                annotations)
            .stream()
            .map(
                e ->
                    new MetricRecord(
                        e.id(), answers.getOrDefault(e.id(), ""), e.references(), e.fields()))
            .toList();
    // "teal" against ten times "teal"; "four" becomes "4", of which there are nine.
    assertEquals(1, Benchmarks.metric("vqav2").score(records).value(), 1e-12);
  }

  @Test
  void okVqaUsesTheNormalisedAnswers(@TempDir Path folder) throws IOException {
    JsonNode wanted = expected("okvqa_annotations").get(0);
    Path questions = folder.resolve("questions.json");
    Files.writeString(
        questions,
        """
        {"data_subtype": "val2014", "questions": [
          {"image_id": 1, "question": "What is it for?", "question_id": 77}]}
        """);
    BenchmarkExample example =
        read(
                new VqaForm(),
                BenchmarkFormat.VQA,
                questions,
                file("mscoco_val2014_annotations_okvqa.json"))
            .get(0);
    assertExample(wanted, example, "question_id: id", "answers: references");
    assertEquals(
        texts(wanted.path("raw_answers")),
        texts(example.fields().getOrDefault("raw_answers", MISSING)));
  }

  @Test
  void textVqa() throws IOException {
    BenchmarkExample question =
        read(new TextVqaForm(), BenchmarkFormat.TEXT_VQA, file("TextVQA_0.5.1_val.json")).get(0);
    assertExample(
        expected("TextVQA_0.5.1_val.json").get(0),
        question,
        "question_id: id",
        "image_file: image",
        "question: question",
        "answers: references");
  }

  @Test
  void vizWizKeepsEmptyAnswers() throws IOException {
    BenchmarkExample example =
        read(new VizWizForm(), BenchmarkFormat.VIZ_WIZ, file("vizwiz_val.json")).get(0);
    assertExample(
        expected("vizwiz_val.json").get(0),
        example,
        "image: image",
        "question: question",
        "answers: references",
        "answerable: field answerable");
  }

  @ParameterizedTest
  @ValueSource(strings = {"val_v1.0_withQT.json", "infographicsVQA_val_v1.0_withQT.json"})
  void documentsAreReadWithEitherImageKey(String name) throws IOException {
    BenchmarkExample example = read(new DocVqaForm(), BenchmarkFormat.DOC_VQA, file(name)).get(0);
    assertExample(
        expected(name).get(0),
        example,
        "question_id: id",
        "image: image",
        "question: question",
        "answers: references");
  }

  @Test
  void stVqa() throws IOException {
    BenchmarkExample example =
        read(new StVqaForm(), BenchmarkFormat.ST_VQA, file("train_task_3.json")).get(0);
    assertExample(
        expected("train_task_3.json").get(0),
        example,
        "question_id: id",
        "file_path: image",
        "answers: references");
  }

  @Test
  void chartQaTakesTheSplitFromTheFilesName() throws IOException {
    JsonNode wanted = expected("chartqa");
    for (int i = 0; i < 2; i++) {
      String name = i == 0 ? "test_human.json" : "test_augmented.json";
      BenchmarkExample example = ChartQaForm.read(file(name)).get(0);
      assertExample(
          wanted.get(i),
          example,
          "imgname: image",
          "type: field split",
          "question: question",
          "answer: reference");
    }
  }

  @Test
  void gqaIsKeyedByQuestion() throws IOException {
    BenchmarkExample example =
        read(new GqaForm(), BenchmarkFormat.GQA, file("testdev_balanced_questions.json")).get(0);
    JsonNode wanted = expected("testdev_balanced_questions.json").get(0);
    assertExample(wanted, example, "question_id: id", "question: question", "answer: reference");
    assertEquals(wanted.path("image_id").asText() + ".jpg", example.images().get(0));
  }

  @Test
  void aokVqaKeepsChoicesAndDirectAnswers() throws IOException {
    BenchmarkExample example =
        read(new AokVqaForm(), BenchmarkFormat.A_OKVQA, file("aokvqa_v1p0_val.json")).get(0);
    JsonNode wanted = expected("aokvqa_v1p0_val.json").get(0);
    assertExample(
        wanted,
        example,
        "question_id: id",
        "image_file: image",
        "answers: references",
        "answer_index: field answer_index",
        "difficult: field difficult_direct_answer");
    assertEquals("tea", field(example, "choice"));
  }

  @Test
  void scienceQaMayLackAnImage() throws IOException {
    JsonNode wanted = expected("problems.json");
    List<BenchmarkExample> examples = ScienceQaForm.problems(file("problems.json"));
    for (int i = 0; i < wanted.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "id: id",
          "split: field split",
          "answer_index: field answer_index",
          "hint: field hint");
      assertEquals(wanted.get(i).path("image").isNull(), example.images().isEmpty());
    }
    assertEquals(List.of("wool"), examples.get(0).references());
  }

  @Test
  void tallyQaCountsAreTexts() throws IOException {
    JsonNode wanted = expected("tallyqa_test.json");
    List<BenchmarkExample> examples =
        read(new TallyQaForm(), BenchmarkFormat.TALLY_QA, file("tallyqa_test.json"));
    assertExamples(
        wanted,
        examples,
        "question_id: id",
        "image: image",
        "answer: reference",
        "simple: field simple");
  }

  @Test
  void ocrVqaHasAnExamplePerQuestion() throws IOException {
    JsonNode wanted = expected("ocrvqa_dataset.json").get(0);
    List<BenchmarkExample> examples =
        read(new OcrVqaForm(), BenchmarkFormat.OCR_VQA, file("ocrvqa_dataset.json"));
    assertEquals(wanted.path("pairs").size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertEquals(
          texts(wanted.path("pairs").get(i)),
          List.of(example.question(), example.references().get(0)));
      assertExample(wanted, example, "image_file: image", "split_name: field split");
    }
  }

  @Test
  void nlvr2NamesBothImages() throws IOException {
    JsonNode wanted = expected("nlvr2_test1.json");
    List<BenchmarkExample> examples =
        read(new Nlvr2Form(), BenchmarkFormat.NLVR2, file("nlvr2_test1.json"));
    assertExamples(
        wanted,
        examples,
        "id: id",
        "left: image",
        "right: second image",
        "sentence: question",
        "label: reference");
  }

  @Test
  void popeTakesItsCategoryFromTheFilesName() throws IOException {
    JsonNode wanted = expected("coco_pope_random.json");
    List<BenchmarkExample> examples = PopeForm.read(file("coco_pope_random.json"));
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(wanted.get(i), example, "question_id: id", "answer: reference");
      assertEquals("random", field(example, "category"));
    }
  }

  @Test
  void testSplitsMayLackAnswers(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("test_v1.0.json");
    Files.writeString(
        file, "{\"data\": [{\"questionId\": \"7\", \"question\": \"q\", \"image\": \"a.png\"}]}");
    assertEquals(
        List.of(), read(new DocVqaForm(), BenchmarkFormat.DOC_VQA, file).get(0).references());
  }

  @Test
  void aMissingKeyNamesFileAndKey(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("test_human.json");
    Files.writeString(file, "[{\"query\": \"q\", \"label\": \"1\"}]");
    String message =
        String.valueOf(
            assertThrows(BenchmarkFormatException.class, () -> ChartQaForm.read(file))
                .getMessage());
    assertTrue(message.contains("test_human.json") && message.contains("\"imgname\""), message);
  }
}
