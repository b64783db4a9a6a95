package dev.palimpsest.eval.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.palimpsest.eval.metrics.MetricRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Small files in each published form, and what they hold. */
class BenchmarkFilesTest {
  private static final Path FOLDER = Path.of("src/test/resources/benchmarks");

  private static JsonNode expected(String name) throws IOException {
    return JsonMapper.builder()
        .build()
        .readTree(FOLDER.resolve("EXPECTED.json").toFile())
        .path(name);
  }

  private static Path file(String name) {
    return FOLDER.resolve(name);
  }

  private static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(t -> texts.add(t.asText()));
    return texts;
  }

  /** Each pair: key of the expectation, then what the example has for it. */
  private static void assertExample(JsonNode wanted, BenchmarkExample example, Object... pairs) {
    for (int i = 0; i < pairs.length; i += 2) {
      JsonNode value = wanted.path((String) pairs[i]);
      assertEquals(
          value.isArray() ? texts(value) : value.asText(), pairs[i + 1], () -> example.toString());
    }
  }

  private static String field(BenchmarkExample example, String name) {
    return example.predicted("").fields().getOrDefault(name, MISSING).asText();
  }

  private static final JsonNode MISSING = MissingNode.getInstance();

  /** Python writes NaN, pandas 2.0 for 2, and editors a byte order mark. */
  @Test
  void filesAreReadAsProgramsWriteThem(@TempDir Path folder) throws IOException {
    Path coco = folder.resolve("captions.json");
    Files.writeString(
        coco,
        """
        \ufeff{"images": [{"id": 2, "file_name": "2.jpg", "width": NaN}],
         "annotations": [{"image_id": 2.0, "caption": "a kettle", "score": Infinity}]}""");
    List<BenchmarkExample> captions = CaptionFiles.coco(coco);
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
    BenchmarkExample joined = QuestionFiles.vqa(questions, annotations).get(0);
    assertEquals("7", joined.id());
    assertEquals(List.of("000000000002.jpg"), joined.images());

    Path lines = folder.resolve("lines.jsonl");
    Files.writeString(lines, "\ufeff{\"id\": 1, \"image\": \"1.jpg\", \"references\": \"a\"}\n");
    assertEquals("1", QuestionFiles.jsonLines(lines).get(0).id());
    Files.write(lines, "{}".getBytes(StandardCharsets.UTF_16));
    assertTrue(
        String.valueOf(
                assertThrows(IllegalArgumentException.class, () -> QuestionFiles.jsonLines(lines))
                    .getMessage())
            .contains("lines.jsonl is UTF-16"));
  }

  @Test
  void cocoCaptionsAreGatheredByImage() throws IOException {
    JsonNode wanted = expected("captions_val2014.json");
    List<BenchmarkExample> examples = CaptionFiles.coco(file("captions_val2014.json"));
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i), example, "image_id", example.id(), "references", example.references());
    }
    assertEquals(
        Map.of("1", "a kettle", "2", ""), CaptionFiles.results(file("captions_results.json")));
  }

  @Test
  void karpathysSplitsKeepFolderAndSplit() throws IOException {
    JsonNode wanted = expected("dataset_coco.json");
    List<BenchmarkExample> examples = CaptionFiles.karpathy(file("dataset_coco.json"));
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "image_id",
          example.id(),
          "split",
          field(example, "split"),
          "path",
          example.images().get(0),
          "references",
          example.references());
    }
  }

  @Test
  void vqaJoinsQuestionsAndAnnotations() throws IOException {
    JsonNode wanted = expected("vqav2");
    List<BenchmarkExample> examples =
        QuestionFiles.vqa(
            file("v2_OpenEnded_mscoco_val2014_questions.json"),
            file("v2_mscoco_val2014_annotations.json"));
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "question_id",
          example.id(),
          "image_id",
          field(example, "image_id"),
          "question",
          example.question(),
          "answer_type",
          field(example, "answer_type"),
          "answers",
          example.references(),
          "image_file",
          example.images().get(0));
    }
  }

  @Test
  void savedVqaAnswersAreScored() throws IOException {
    Map<String, String> answers = QuestionFiles.results(file("vqav2_results.json"));
    List<MetricRecord> records =
        QuestionFiles.vqa(
                file("v2_OpenEnded_mscoco_val2014_questions.json"),
                file("v2_mscoco_val2014_annotations.json"))
            .stream()
            .map(e -> e.predicted(answers.getOrDefault(e.id(), "")))
            .toList();
    // "teal" against ten times "teal"; "four" becomes "4", of which there are nine.
    assertEquals(1, Benchmarks.metric("vqav2").score(records).value(), 1e-12);
  }

  @Test
  void okVqaUsesTheNormalisedAnswers() throws IOException {
    JsonNode wanted = expected("okvqa_annotations").get(0);
    BenchmarkExample example =
        QuestionFiles.vqaAnnotations(file("mscoco_val2014_annotations_okvqa.json")).get(0);
    assertExample(wanted, example, "question_id", example.id(), "answers", example.references());
    assertEquals(
        texts(wanted.path("raw_answers")),
        texts(example.fields().getOrDefault("raw_answers", MISSING)));
  }

  @Test
  void textVqaAndTextCaps() throws IOException {
    BenchmarkExample question = QuestionFiles.textVqa(file("TextVQA_0.5.1_val.json")).get(0);
    assertExample(
        expected("TextVQA_0.5.1_val.json").get(0),
        question,
        "question_id",
        question.id(),
        "image_file",
        question.images().get(0),
        "question",
        question.question(),
        "answers",
        question.references());
    List<BenchmarkExample> captions = CaptionFiles.textCaps(file("TextCaps_0.1_val.json"));
    assertEquals(1, captions.size());
    assertExample(
        expected("TextCaps_0.1_val.json").get(0),
        captions.get(0),
        "image_id",
        captions.get(0).id(),
        "references",
        captions.get(0).references());
  }

  @Test
  void vizWizKeepsEmptyAnswers() throws IOException {
    BenchmarkExample example = QuestionFiles.vizWiz(file("vizwiz_val.json")).get(0);
    assertExample(
        expected("vizwiz_val.json").get(0),
        example,
        "image",
        example.images().get(0),
        "question",
        example.question(),
        "answers",
        example.references(),
        "answerable",
        field(example, "answerable"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"val_v1.0_withQT.json", "infographicsVQA_val_v1.0_withQT.json"})
  void documentsAreReadWithEitherImageKey(String name) throws IOException {
    BenchmarkExample example = QuestionFiles.docVqa(file(name)).get(0);
    assertExample(
        expected(name).get(0),
        example,
        "question_id",
        example.id(),
        "image",
        example.images().get(0),
        "question",
        example.question(),
        "answers",
        example.references());
  }

  @Test
  void stVqa() throws IOException {
    BenchmarkExample example = QuestionFiles.stVqa(file("train_task_3.json")).get(0);
    assertExample(
        expected("train_task_3.json").get(0),
        example,
        "question_id",
        example.id(),
        "file_path",
        example.images().get(0),
        "answers",
        example.references());
  }

  @Test
  void chartQaTakesTheSplitFromTheFilesName() throws IOException {
    JsonNode wanted = expected("chartqa");
    for (int i = 0; i < 2; i++) {
      String name = i == 0 ? "test_human.json" : "test_augmented.json";
      BenchmarkExample example = QuestionFiles.chartQa(file(name)).get(0);
      assertExample(
          wanted.get(i),
          example,
          "imgname",
          example.images().get(0),
          "type",
          field(example, "split"),
          "question",
          example.question(),
          "answer",
          example.references().get(0));
    }
  }

  @Test
  void gqaIsKeyedByQuestion() throws IOException {
    BenchmarkExample example = QuestionFiles.gqa(file("testdev_balanced_questions.json")).get(0);
    JsonNode wanted = expected("testdev_balanced_questions.json").get(0);
    assertExample(
        wanted,
        example,
        "question_id",
        example.id(),
        "question",
        example.question(),
        "answer",
        example.references().get(0));
    assertEquals(wanted.path("image_id").asText() + ".jpg", example.images().get(0));
  }

  @Test
  void aokVqaKeepsChoicesAndDirectAnswers() throws IOException {
    BenchmarkExample example = QuestionFiles.aokVqa(file("aokvqa_v1p0_val.json")).get(0);
    JsonNode wanted = expected("aokvqa_v1p0_val.json").get(0);
    assertExample(
        wanted,
        example,
        "question_id",
        example.id(),
        "image_file",
        example.images().get(0),
        "answers",
        example.references(),
        "answer_index",
        field(example, "answer_index"),
        "difficult",
        field(example, "difficult_direct_answer"));
    assertEquals("tea", field(example, "choice"));
  }

  @Test
  void scienceQaMayLackAnImage() throws IOException {
    JsonNode wanted = expected("problems.json");
    List<BenchmarkExample> examples = QuestionFiles.scienceQa(file("problems.json"));
    for (int i = 0; i < wanted.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "id",
          example.id(),
          "split",
          field(example, "split"),
          "answer_index",
          field(example, "answer_index"),
          "hint",
          field(example, "hint"));
      assertEquals(wanted.get(i).path("image").isNull(), example.images().isEmpty());
    }
    assertEquals(List.of("wool"), examples.get(0).references());
  }

  @Test
  void tallyQaCountsAreTexts() throws IOException {
    JsonNode wanted = expected("tallyqa_test.json");
    List<BenchmarkExample> examples = QuestionFiles.tallyQa(file("tallyqa_test.json"));
    for (int i = 0; i < wanted.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "question_id",
          example.id(),
          "image",
          example.images().get(0),
          "answer",
          example.references().get(0),
          "simple",
          field(example, "simple"));
    }
  }

  @Test
  void ocrVqaHasAnExamplePerQuestion() throws IOException {
    JsonNode wanted = expected("ocrvqa_dataset.json").get(0);
    List<BenchmarkExample> examples = QuestionFiles.ocrVqa(file("ocrvqa_dataset.json"));
    assertEquals(wanted.path("pairs").size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertEquals(
          texts(wanted.path("pairs").get(i)),
          List.of(example.question(), example.references().get(0)));
      assertExample(
          wanted,
          example,
          "image_file",
          example.images().get(0),
          "split_name",
          field(example, "split"));
    }
  }

  @Test
  void nlvr2NamesBothImages() throws IOException {
    JsonNode wanted = expected("nlvr2_test1.json");
    List<BenchmarkExample> examples = QuestionFiles.nlvr2(file("nlvr2_test1.json"));
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "id",
          example.id(),
          "left",
          example.images().get(0),
          "right",
          example.images().get(1),
          "sentence",
          example.question(),
          "label",
          example.references().get(0));
    }
  }

  @Test
  void popeTakesItsCategoryFromTheFilesName() throws IOException {
    JsonNode wanted = expected("coco_pope_random.json");
    List<BenchmarkExample> examples = QuestionFiles.pope(file("coco_pope_random.json"));
    assertEquals(wanted.size(), examples.size());
    for (int i = 0; i < examples.size(); i++) {
      BenchmarkExample example = examples.get(i);
      assertExample(
          wanted.get(i),
          example,
          "question_id",
          example.id(),
          "answer",
          example.references().get(0));
      assertEquals("random", field(example, "category"));
    }
  }

  @Test
  void screensAndWidgets() throws IOException {
    BenchmarkExample widget = CaptionFiles.widgetCaptions(file("widget_captions.csv")).get(0);
    assertExample(
        expected("widget_captions.csv").get(0),
        widget,
        "screen_id",
        field(widget, "screen_id"),
        "node_id",
        field(widget, "node_id"),
        "references",
        widget.references());
    BenchmarkExample screen = CaptionFiles.screenSummaries(file("screen_summaries.csv")).get(0);
    assertExample(
        expected("screen_summaries.csv").get(0),
        screen,
        "screen_id",
        screen.id(),
        "references",
        screen.references());
  }

  static Stream<Path> pickles() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(f -> f.toString().endsWith(".p")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("pickles")
  void expressionsAreReadFromEveryPickleProtocol(Path pickle) throws IOException {
    JsonNode wanted = expected("refs(*).p + instances.json").get(0);
    List<BenchmarkExample> examples = RefCocoFiles.read(pickle, file("instances.json"));
    assertEquals(
        texts(wanted.path("expressions")),
        examples.stream().map(BenchmarkExample::question).toList());
    for (BenchmarkExample example : examples) {
      assertExample(
          wanted,
          example,
          "ref_id",
          field(example, "ref_id"),
          "split",
          field(example, "split"),
          "ann_id",
          field(example, "ann_id"),
          "image_file",
          example.images().get(0),
          "height",
          field(example, "height"),
          "width",
          field(example, "width"));
      assertEquals(
          texts(wanted.path("bbox_xywh")), texts(example.fields().getOrDefault("bbox", MISSING)));
    }
  }

  @Test
  void fivePicklesWereRead() throws IOException {
    assertEquals(5, pickles().count());
  }

  /** {@code os.system("...")} in protocol 0, and an object to build in protocol 2. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "cos\nsystem\n(S'echo'\ntR.",
        "\u0080\u0002cbuiltins\nlist\n)\u0081.",
        "(i__main__\nA\n."
      })
  void aPickleThatWouldRunCodeIsRefused(String pickle) {
    BenchmarkFormatException e =
        assertThrows(
            BenchmarkFormatException.class,
            () -> Pickle.read(pickle.getBytes(StandardCharsets.ISO_8859_1), "x"));
    assertTrue(String.valueOf(e.getMessage()).contains("refused"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "(",
        "]",
        "a.",
        "U\u00ffabc",
        "I12",
        "g5\n.",
        "S'a\n.",
        "X\u00ff\u00ff\u00ff\u007f."
      })
  void damagedPicklesAreExplained(String pickle) {
    assertThrows(
        BenchmarkFormatException.class,
        () -> Pickle.read(pickle.getBytes(StandardCharsets.ISO_8859_1), "x"));
  }

  @Test
  void numbersOfEveryKindAreRead() {
    String pickle =
        "(I01\nI-5\nL12L\nF1.5\nK\u0007M\u0001\u0002J\u00ff\u00ff\u00ff\u00ff\u008a\u0002\u0000\u00ffNl.";
    List<Object> wanted =
        new ArrayList<>(List.of(true, -5L, 12L, 1.5, 7L, 513L, -1L, -256L, Pickle.NONE));
    assertEquals(wanted, Pickle.read(pickle.getBytes(StandardCharsets.ISO_8859_1), "x"));
  }

  @Test
  void testSplitsMayLackAnswers(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("test_v1.0.json");
    Files.writeString(
        file, "{\"data\": [{\"questionId\": \"7\", \"question\": \"q\", \"image\": \"a.png\"}]}");
    assertEquals(List.of(), QuestionFiles.docVqa(file).get(0).references());
  }

  @Test
  void aMissingKeyNamesFileAndKey(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("test_human.json");
    Files.writeString(file, "[{\"query\": \"q\", \"label\": \"1\"}]");
    String message =
        String.valueOf(
            assertThrows(BenchmarkFormatException.class, () -> QuestionFiles.chartQa(file))
                .getMessage());
    assertTrue(message.contains("test_human.json") && message.contains("\"imgname\""), message);
  }
}
