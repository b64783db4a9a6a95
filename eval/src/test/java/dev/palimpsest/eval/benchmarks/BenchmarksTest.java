package dev.palimpsest.eval.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Published;
import dev.palimpsest.configs.evaluation.BenchmarkFormat;
import dev.palimpsest.configs.evaluation.SamplerConfig;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.registry.Metrics;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.Outline;
import dev.palimpsest.mixtures.images.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BenchmarksTest {
  /** Rows of PaliGemma's table 1, and of the splits of RefCOCO that its repository adds. */
  private static final List<String> ROWS =
      List.of(
          "COCOcap",
          "NoCaps",
          "COCO-35L (en)",
          "COCO-35L (avg34)",
          "XM3600 (en)",
          "XM3600 (avg35)",
          "Screen2Words",
          "TextCaps",
          "SciCap",
          "WidgetCap",
          "VQAv2",
          "MMVP",
          "POPE",
          "Objaverse",
          "OKVQA",
          "AOKVQA-MC",
          "AOKVQA-DA",
          "GQA",
          "xGQA",
          "NLVR2",
          "MARVL",
          "AI2D",
          "ScienceQA",
          "RSVQA-lr",
          "RSVQA-hr (test)",
          "RSVQA-hr (test2)",
          "ChartQA (human)",
          "ChartQA (aug)",
          "VizWiz",
          "TallyQA (simple)",
          "TallyQA (complex)",
          "CountBenchQA",
          "OCR-VQA",
          "TextVQA",
          "DocVQA",
          "InfoVQA",
          "ST-VQA",
          "RefCOCO (val)",
          "RefCOCO (testA)",
          "RefCOCO (testB)",
          "RefCOCO+ (val)",
          "RefCOCO+ (testA)",
          "RefCOCO+ (testB)",
          "RefCOCOg (val)",
          "RefCOCOg (test)",
          "ActivityNet-QA",
          "ActivityNet-CAP",
          "MSRVTT-QA",
          "MSRVTT-CAP",
          "MSVD-QA",
          "VATEX");

  private static Path folder;

  @BeforeAll
  static void write(@TempDir Path temporary) throws IOException {
    folder = temporary;
    TinyBenchmarks.write(folder);
  }

  static List<String> names() {
    return Benchmarks.index().benchmarks();
  }

  @Test
  void everyRowOfThePapersTableIsHereOrHasAReason() {
    Set<String> rows = new HashSet<>(Benchmarks.index().notScorable().keySet());
    for (String name : names()) {
      Benchmarks.find(name).published().stream().map(Published::row).forEach(rows::add);
    }
    List<String> missing = ROWS.stream().filter(row -> !rows.contains(row)).toList();
    assertEquals(List.of(), missing);
  }

  @Test
  void figuresAreThePapers() {
    assertEquals(76.5, Benchmarks.find("textvqa").published().get(0).at(896));
    assertEquals(74.2, Benchmarks.find("chartqa").published().get(1).at(224));
    assertEquals(75.7, Benchmarks.find("refcoco-testA").published().get(0).at(224));
  }

  @Test
  void everyFileIsInTheIndexOrIsIncluded() throws IOException {
    Path resources = Path.of("src/main/resources/dev/palimpsest/eval/benchmarks");
    try (var files = Files.list(resources)) {
      Set<String> all =
          files
              .map(f -> f.getFileName().toString().replace(".yaml", ""))
              .collect(Collectors.toSet());
      all.removeAll(names());
      assertEquals(Set.of("index", "captions", "questions", "refcoco", "video"), all);
    }
  }

  /** So that the next test reads files of each form; JSON lines are for benchmarks of one's own. */
  @Test
  void everyFormIsThatOfABenchmark() {
    Set<BenchmarkFormat> formats = EnumSet.of(BenchmarkFormat.JSON_LINES);
    for (String name : names()) {
      Benchmarks.find(name).data().forEach(data -> formats.add(data.format()));
    }
    assertEquals(EnumSet.allOf(BenchmarkFormat.class), formats);
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyBenchmarkReadsItsPublishedFilesAndItsMetricsScoreThem(String name) throws IOException {
    BenchmarkConfig benchmark = Benchmarks.find(name);
    assertEquals(name, benchmark.name());
    BenchmarkFormat format = benchmark.data().get(0).format();
    if (format == BenchmarkFormat.COUNT_BENCH_QA) {
      return; // Parquet
    }
    if (format == BenchmarkFormat.REF_COCO) {
      String set = name.substring(0, name.indexOf('-')).replace("cocop", "coco+");
      TinyBenchmarks.useReferences(folder, set, benchmark.split());
    }
    List<Question> questions = new BenchmarkReader(benchmark, folder).questions();
    assertFalse(questions.isEmpty());
    Set<String> ids = new HashSet<>();
    List<MetricRecord> records = new ArrayList<>();
    for (Question question : questions) {
      assertTrue(ids.add(question.example().id()), question.example().id());
      assertFalse(question.example().prefix().contains("{"), question.example().prefix());
      assertFalse(question.example().images().isEmpty());
      records.add(question.answered(question.example().suffix()));
    }
    for (String metric : benchmark.metrics()) {
      MetricResult result = Metrics.find(metric).score(records);
      for (Published published : benchmark.published()) {
        String quantity = published.quantity();
        if (quantity != null && metric.equals(benchmark.metrics().get(0))) {
          assertTrue(result.values().containsKey(quantity), result.values()::toString);
        }
      }
    }
  }

  @Test
  void promptsAreThoseOfTheTransfers() {
    Map<String, String> expected =
        Map.of(
            "cococap",
            "caption en",
            "xm3600",
            "caption de",
            "vqav2",
            "answer en What color is the kettle?",
            "aokvqa-mc",
            "answer en  What is it for? choose from: tea \t dig \t fly \t sew",
            "scienceqa",
            "Question: Which is soft?\nContext: N/A\nOptions: (A) stone, (B) wool\nAnswer:",
            "docvqa",
            "What is the total?",
            "nlvr2",
            "answer en There are two kettles.");
    expected.forEach(
        (name, prompt) ->
            assertEquals(
                prompt,
                new BenchmarkReader(Benchmarks.find(name), folder)
                    .questions()
                    .get(0)
                    .example()
                    .prefix()));
    assertEquals(
        "The answer is B.",
        new BenchmarkReader(Benchmarks.find("scienceqa"), folder)
            .questions()
            .get(0)
            .example()
            .suffix());
  }

  @Test
  void pairsOfPicturesAndFramesOfVideosComeInOrder() {
    assertEquals(List.of("test1-0-0-img0.png", "test1-0-0-img1.png"), pictures("nlvr2"));
    // 40 frames, every 30th: two, from which on the video begins again.
    List<String> frames = pictures("activitynet-cap");
    assertEquals(16, frames.size());
    assertEquals(List.of("000001.jpg", "000031.jpg", "000001.jpg"), frames.subList(0, 3));
    assertEquals(8, pictures("msvd-qa").size());
  }

  private static List<String> pictures(String name) {
    return new BenchmarkReader(Benchmarks.find(name), folder)
        .questions().get(0).example().images().stream()
            .map(image -> Path.of(image.name()).getFileName().toString())
            .toList();
  }

  @Test
  void aWidgetIsOutlined(@TempDir Path data) throws IOException {
    TinyBenchmarks.write(data);
    List<Question> questions = new BenchmarkReader(Benchmarks.find("widgetcap"), data).questions();
    // Node 0.0.1 covers the right half of the canvas's upper half.
    assertEquals(
        new Outline(720, 0, 1440, 1280, 2560), questions.get(0).example().steps().outline());
    Files.writeString(data.resolve("rico/combined/9.json"), "{\"activity\": {\"root\": {}}}");
    BenchmarkFormatException none =
        assertThrows(
            BenchmarkFormatException.class,
            () -> new BenchmarkReader(Benchmarks.find("widgetcap"), data).questions());
    assertTrue(
        String.valueOf(none.getMessage()).contains("9.json has no node 0.0.1"), none::toString);
  }

  @Test
  void textVqaTurnsWhatOpenImagesTableTurns(@TempDir Path data) throws IOException {
    TinyBenchmarks.write(data);
    BenchmarkReader reader = new BenchmarkReader(Benchmarks.find("textvqa"), data);
    ImageReference stored = reader.questions().get(0).example().images().get(0);
    assertEquals(Turn.NONE, stored.correction());
    assertEquals(
        List.of(
            "textvqa/train_images/rotation.csv is missing: pictures are seen as they are stored,"
                + " including those that it would rotate"),
        reader.notes());

    String id = Path.of(stored.name()).getFileName().toString().replace(".jpg", "");
    Path table = data.resolve("textvqa/train_images/rotation.csv");
    Map<String, Turn> turns =
        Map.of(
            "90.0",
            Turn.COUNTERCLOCKWISE,
            "180",
            Turn.HALF,
            "270.0",
            Turn.CLOCKWISE,
            "",
            Turn.NONE);
    for (Map.Entry<String, Turn> turn : turns.entrySet()) {
      Files.writeString(
          table,
          "ImageID,Subset,Title,Rotation\nother,train,\"a, b\",90.0\n%s,train,,%s\n"
              .formatted(id, turn.getKey()));
      List<Question> questions = reader.questions();
      assertEquals(turn.getValue(), questions.get(0).example().images().get(0).correction());
      assertEquals(List.of(), reader.notes());
    }
    assertTrue(reader.files().contains(table));
    for (String bad : List.of("ImageID,Angle\n", "ImageID,Rotation\nx,45.0\n")) {
      Files.writeString(table, bad);
      BenchmarkFormatException refused =
          assertThrows(BenchmarkFormatException.class, reader::questions);
      assertTrue(String.valueOf(refused.getMessage()).contains("Rotation"), refused::toString);
    }
  }

  @Test
  void emptyAnswersOfVizWizAreNone(@TempDir Path data) throws IOException {
    TinyBenchmarks.write(data);
    List<Question> questions = new BenchmarkReader(Benchmarks.find("vizwiz"), data).questions();
    // The file's tenth annotator wrote nothing.
    assertEquals(9, questions.get(0).example().references().size());
    assertFalse(questions.get(0).example().references().contains(""));
    Files.writeString(
        data.resolve("vizwiz/val.json"),
        """
        [{"image": "a.jpg", "question": "q", "answers": [{"answer": ""}, {"answer": ""}]},
         {"image": "b.jpg", "question": "q", "answers": [{"answer": ""}, {"answer": "x"}]}]
        """);
    questions = new BenchmarkReader(Benchmarks.find("vizwiz"), data).questions();
    assertEquals(List.of("b"), questions.stream().map(q -> q.example().id()).toList());
  }

  @Test
  void picturesOfCocoTextAreCocosOwn(@TempDir Path data) throws IOException {
    TinyBenchmarks.write(data);
    Files.writeString(
        data.resolve("stvqa/val_task_3.json"),
        """
        {"data": [
          {"question_id": 1, "file_path": "coco-text/COCO_train2014_000000000009.jpg", "question": "q",
           "answers": ["a"]},
          {"question_id": 2, "file_path": "icdar/1.jpg", "question": "q", "answers": ["a"]}]}
        """);
    BenchmarkReader reader = new BenchmarkReader(Benchmarks.find("stvqa"), data);
    Files.move(data.resolve("coco/train2014"), data.resolve("elsewhere"));
    assertEquals("stvqa/coco-text/COCO_train2014_000000000009.jpg", picture("stvqa", data, 0));
    assertTrue(reader.notes().get(0).contains("coco/train2014 is missing"));
    Files.createDirectories(data.resolve("coco/train2014"));
    assertEquals("coco/train2014/COCO_train2014_000000000009.jpg", picture("stvqa", data, 0));
    assertEquals("stvqa/icdar/1.jpg", picture("stvqa", data, 1));
    assertEquals(List.of(), reader.notes());
  }

  @Test
  void aBenchmarksMetricIsDeclaredOnce() {
    for (String name : names()) {
      // A name that is a metric's too, such as chartqa, is that metric.
      String wanted =
          Metrics.names().contains(name) ? name : Benchmarks.find(name).metrics().get(0);
      assertEquals(Metrics.find(wanted), Benchmarks.metric(name), name);
    }
    assertEquals("anls:big_vision", Benchmarks.metric("docvqa").id().key());
    assertEquals("vqa:big_vision", Benchmarks.metric("textvqa").id().key());
    // What is no benchmark is a metric.
    assertEquals("vqa:official", Benchmarks.metric("vqa").id().key());
    assertEquals("nlvr2:official", Benchmarks.metric("nlvr2:official").id().key());
    List<String> unknown = Benchmarks.unknownMetrics(List.of("docvqa", "docvqq"));
    assertEquals(1, unknown.size());
    assertTrue(unknown.get(0).contains("nearest: \"docvqa\""), unknown::toString);
  }

  @Test
  void picturesAreNamedAsTheArchivesHaveThem(@TempDir Path data) throws IOException {
    TinyBenchmarks.write(data);
    assertEquals(
        List.of("marvl/images/id/images/39-Panci/39-1.jpg", "marvl/images/sw/images/1.jpg"),
        Stream.of(0, 1).map(i -> picture("marvl", data, i)).toList());
    // An accent that the archive writes as two characters.
    Path decomposed = data.resolve("marvl/images/tr/images/7-Fa\u0300ra");
    Files.writeString(Files.createDirectories(decomposed).resolve("1.jpg"), "");
    Files.writeString(
        data.resolve("marvl/annotations/marvl-tr.jsonl"),
        "{\"concept\": \"7-F\u00e0ra\", \"caption\": \"x\", \"left_img\": \"1.jpg\","
            + " \"right_img\": \"1.jpg\", \"id\": \"tr-0\", \"label\": true}\n");
    assertEquals("marvl/images/tr/images/7-Fa\u0300ra/1.jpg", picture("marvl", data, 3));

    assertEquals("msvd/frames/vid1301/000001.jpg", picture("msvd-qa", data, 0));
    assertEquals("msrvtt/frames/video7010/000001.jpg", picture("msrvtt-qa", data, 0));
    assertEquals("rsvqa_lr/Images_LR/5.png", picture("rsvqa-lr", data, 0));
    Files.writeString(data.resolve("rsvqa_lr/Images_LR/5.tif"), "");
    assertEquals("rsvqa_lr/Images_LR/5.tif", picture("rsvqa-lr", data, 0));
  }

  private static String picture(String benchmark, Path data, int example) {
    List<Question> questions = new BenchmarkReader(Benchmarks.find(benchmark), data).questions();
    Path first = Path.of(questions.get(example).example().images().get(0).name());
    return data.relativize(first).toString();
  }

  @Test
  void twoQuestionsOfOneIdAreRefused(@TempDir Path data) throws IOException {
    Files.createDirectories(data.resolve("textvqa/train_images"));
    String question = "{\"question_id\": 7, \"image_id\": \"p\", \"question\": \"q\"}";
    Files.writeString(
        data.resolve("textvqa/TextVQA_0.5.1_val.json"),
        "{\"data\": [" + question + "," + question + "]}");
    BenchmarkFormatException twice =
        assertThrows(
            BenchmarkFormatException.class,
            () -> new BenchmarkReader(Benchmarks.find("textvqa"), data).questions());
    String message = String.valueOf(twice.getMessage());
    assertTrue(message.contains("ids must be unique") && message.contains("once: 7"), message);
  }

  @Test
  void aNameThatCanBeNoFilesIsTold(@TempDir Path data) throws IOException {
    Files.createDirectories(data.resolve("textvqa/train_images"));
    Files.writeString(
        data.resolve("textvqa/TextVQA_0.5.1_val.json"),
        "{\"data\": [{\"question_id\": 7, \"image_id\": \"a\\u0000b\", \"question\": \"q\"}]}");
    BenchmarkFormatException name =
        assertThrows(
            BenchmarkFormatException.class,
            () -> new BenchmarkReader(Benchmarks.find("textvqa"), data).questions());
    assertTrue(String.valueOf(name.getMessage()).contains("UTF-8 locale"), name.getMessage());
  }

  @Test
  void missingFilesAreNamedWithWhereTheyAreHad(@TempDir Path empty) {
    BenchmarkFormatException missing =
        assertThrows(
            BenchmarkFormatException.class,
            () -> new BenchmarkReader(Benchmarks.find("vqav2"), empty).questions());
    String message = String.valueOf(missing.getMessage());
    assertTrue(message.contains("v2_mscoco_val2014_annotations.json"), message);
    assertTrue(message.contains("coco/val2014/"), message);
    assertTrue(message.contains("visualqa.org"), message);
    assertTrue(message.contains("huggingface.co/datasets/lmms-lab/VQAv2"), message);
  }

  @Test
  void aSetOfBenchmarksIsNone() {
    InvalidConfigException set =
        assertThrows(InvalidConfigException.class, () -> Benchmarks.find("reading"));
    assertTrue(
        String.valueOf(set.getMessage())
            .contains("'reading' is a set of benchmarks; name one of them: textcaps, chartqa"),
        set.getMessage());
  }

  @Test
  void aFileOfOnesOwnIncludesWhatIsShipped(@TempDir Path own) throws IOException {
    Path file =
        Files.writeString(
            own.resolve("kettles.yaml"),
            """
            include: questions
            name: kettles
            title: Kettles
            decode: {sampler: {beam: {size: 4}}}
            metrics: ['exact_match:official']
            split: all
            data:
              - {format: json_lines, files: {rows: rows.jsonl}, from: my desk}
            """);
    Files.writeString(
        own.resolve("rows.jsonl"),
        "{\"id\": 1, \"image\": \"1.png\", \"question\": \"Why?\", \"references\": [\"so\"]}\n");
    BenchmarkConfig kettles = Benchmarks.find(file.toString());
    assertEquals(32, kettles.decode().maxNewTokens());
    assertEquals(new SamplerConfig.Beam(4), kettles.decode().sampler());
    Question question = new BenchmarkReader(kettles, own).questions().get(0);
    assertEquals("answer en Why?", question.example().prefix());
    assertEquals(List.of("so"), question.example().references());
  }

  @Test
  void mistakesInADefinitionAreNamedWithTheirPlace(@TempDir Path own) throws IOException {
    Path file =
        Files.writeString(
            own.resolve("bad.yaml"),
            """
            include: question
            name: bad
            version: 0
            data: [{format: vqa, files: {question: q.json}, from: x}]
            """);
    InvalidConfigException bad =
        assertThrows(InvalidConfigException.class, () -> Benchmarks.find(file.toString()));
    String message = String.valueOf(bad.getMessage());
    assertTrue(message.contains("bad.yaml:1:10: include: there is no file 'question'"), message);
    assertTrue(message.contains("version: must be from 1 to 1000000"), message);
    assertTrue(message.contains("did you mean 'questions'?"), message);
    assertTrue(message.contains("metrics: is required"), message);
  }

  @Test
  void unknownNamesSuggestTheNearest() {
    InvalidConfigException unknown =
        assertThrows(InvalidConfigException.class, () -> Benchmarks.index().expand("vqv2,gqa"));
    assertTrue(String.valueOf(unknown.getMessage()).contains("did you mean 'vqav2'?"));
    assertEquals(List.of("docvqa", "gqa"), Benchmarks.index().expand("docvqa, gqa,docvqa"));
    assertTrue(Benchmarks.index().expand("paper-table").contains("refcocog-test"));
  }
}
