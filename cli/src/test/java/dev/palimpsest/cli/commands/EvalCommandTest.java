package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.Chromium;
import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.stages.folder.RunFolder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.apache.arrow.dataset.file.FileFormat;
import org.apache.arrow.dataset.file.FileSystemDatasetFactory;
import org.apache.arrow.dataset.jni.NativeMemoryPool;
import org.apache.arrow.dataset.scanner.ScanOptions;
import org.apache.arrow.dataset.scanner.Scanner;
import org.apache.arrow.dataset.source.Dataset;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Two shipped benchmarks with made-up files: questions with annotators, and words in pictures. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvalCommandTest {
  private Path folder;
  private DrawnModel drawn;
  private Path data;

  @BeforeAll
  void write(@TempDir Path temporary) throws IOException {
    folder = temporary;
    drawn = DrawnModel.write(folder);
    data = folder.resolve("data");
    Files.createDirectories(data.resolve("textvqa/train_images"));
    Files.createDirectories(data.resolve("docvqa/documents"));
    List<String> texts = new ArrayList<>();
    List<String> documents = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
      image.setRGB(i, i, 0xffffff);
      ImageIO.write(image, "png", data.resolve("textvqa/train_images/p" + i + ".jpg").toFile());
      ImageIO.write(image, "png", data.resolve("docvqa/documents/d" + i + ".png").toFile());
      texts.add(
          "{\"question_id\": %d, \"image_id\": \"p%d\", \"question\": \"what is red\", \"answers\": [%s]}"
              .formatted(i, i, String.join(",", java.util.Collections.nCopies(10, "\"red\""))));
      documents.add(
          "{\"questionId\": %d, \"image\": \"documents/d%d.png\", \"question\": \"what\", \"answers\": [\"a\"]}"
              .formatted(100 + i, i));
    }
    Files.writeString(
        data.resolve("textvqa/TextVQA_0.5.1_val.json"),
        "{\"data\": [" + String.join(",", texts) + "]}");
    Files.writeString(
        data.resolve("docvqa/val_v1.0_withQT.json"),
        "{\"data\": [" + String.join(",", documents) + "]}");
  }

  @Test
  void benchmarksAreScoredWithErrorsAndThePapersValues() throws IOException {
    Path out = folder.resolve("first");
    Outcome outcome =
        eval(drawn.export(), "--suite", "textvqa,docvqa", "--out", out.toString(), "--limit", "4");
    assertEquals(0, outcome.exit(), outcome.err());
    JsonNode results = new ObjectMapper().readTree(out.resolve("results.json").toFile());
    JsonNode textVqa = results.path("tasks").path("textvqa");
    assertEquals(4, textVqa.path("examples").asInt());
    assertEquals("answer en what is red", textVqa.path("firstPrompt").asText());
    JsonNode score = textVqa.path("metrics").path(0);
    assertEquals("big_vision", score.path("metric").path("variant").asText());
    assertTrue(score.path("value").isNumber() && score.path("standardError").isNumber());
    assertEquals(16, score.path("protocol").asText().length());
    assertEquals("test-std (server)", textVqa.path("published").path(0).path("split").asText());
    // The paper has no value at 8 pixels: there is no number, and no word in its place.
    assertFalse(textVqa.path("published").path(0).has("score"));
    assertFalse(Files.readString(out.resolve("results.json")).contains("N/A"));
    String table = Files.readString(out.resolve("results.md"));
    assertTrue(table.contains("| docvqa | 1 | anls:big_vision v1 | anls | ↑ |"), table);
    assertTrue(table.contains("- textvqa: `answer en what is red`"), table);
    assertTrue(table.contains("textvqa: 4 of the 5000 examples of the split"), table);
    assertTrue(table.contains("textvqa/train_images/rotation.csv is missing"), table);
    assertEquals("f32", textVqa.path("protocol").path("precision").asText());

    // Saved predictions are scored again without a model, to the same number.
    Path scores = folder.resolve("scores.json");
    Outcome scored =
        Outcome.of(
            "score",
            out.resolve("predictions/docvqa.jsonl").toString(),
            "--metric",
            "anls:big_vision",
            "--json",
            scores.toString());
    assertEquals(0, scored.exit(), scored.err());
    assertEquals(
        results.path("tasks").path("docvqa").path("metrics").path(0).path("value"),
        new ObjectMapper().readTree(scores.toFile()).path("scores").path(0).path("value"));
  }

  @Test
  void aTrainingCheckpointAndItsStageFolderAreOneModel() throws IOException {
    Path out = folder.resolve("training");
    Outcome one =
        eval(drawn.training(), "--suite", "docvqa", "--out", out.toString(), "--predict-only");
    assertEquals(0, one.exit(), one.err());
    String predictions = Files.readString(out.resolve("predictions/docvqa.jsonl"));
    assertEquals(5, predictions.lines().count());
    assertTrue(Files.readString(out.resolve("results.md")).contains("predictions alone"));
    Outcome again = eval(folder, "--suite", "docvqa", "--out", out.toString());
    assertEquals(0, again.exit(), again.err());
    assertEquals(predictions, Files.readString(out.resolve("predictions/docvqa.jsonl")));
    assertFalse(Files.exists(out.resolve("predictions/docvqa.old.jsonl")));
  }

  @Test
  void scoresOfOtherProtocolsAreNotCompared() throws IOException {
    Path whole = folder.resolve("whole");
    Path part = folder.resolve("part");
    assertEquals(0, eval(drawn.export(), "--suite", "docvqa", "--out", whole.toString()).exit());
    String[] against = {
      "--suite", "docvqa", "--baseline", whole.resolve("results.json").toString()
    };
    List<String> limited = new ArrayList<>(List.of(against));
    limited.addAll(List.of("--out", part.toString(), "--samples", "100,103"));
    assertEquals(0, eval(drawn.export(), limited.toArray(String[]::new)).exit());
    String table = Files.readString(part.resolve("results.md"));
    assertTrue(table.contains("docvqa: not comparable, the protocols differ: split: "), table);

    List<String> same = new ArrayList<>(List.of(against));
    same.addAll(List.of("--out", whole.toString()));
    assertEquals(0, eval(drawn.export(), same.toArray(String[]::new)).exit());
    assertTrue(Files.readString(whole.resolve("results.md")).contains(", +0.0000"));
  }

  @Test
  void mistakesAreToldBeforeAModelIsLoaded() {
    Outcome missing = eval(folder.resolve("nowhere"), "--suite", "vqav2,docvqa,gqa");
    assertEquals(2, missing.exit());
    assertTrue(missing.err().contains("benchmark vqav2: its files are not in"), missing.err());
    assertTrue(missing.err().contains("testdev_balanced_questions.json"), missing.err());
    assertFalse(missing.err().contains("docvqa"), missing.err());
    Outcome unknown = eval(drawn.export(), "--suite", "docvq");
    assertEquals(2, unknown.exit());
    assertTrue(unknown.err().contains("did you mean 'docvqa'?"), unknown.err());
  }

  @Test
  void misspeltMetricsOfAllTasksAreToldBeforeAModelIsLoaded() throws IOException {
    Path suite =
        Files.writeString(
            folder.resolve("misspelt.yaml"),
            """
            tasks:
              one: {benchmark: docvqa, dataDir: %1$s, metrics: ['anls:offical']}
              two: {benchmark: textvqa, dataDir: %1$s, metrics: ['vqa_sfot']}
            """
                .formatted(data));
    Outcome outcome = eval(folder.resolve("nowhere"), "--suite", suite.toString());
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("one: metric \"anls\" has no variant"), outcome.err());
    assertTrue(outcome.err().contains("nearest: \"vqa_soft\""), outcome.err());
  }

  @Test
  void severalCheckpointsAreComparedOnTheSameExamples() throws Exception {
    Path other = DrawnModel.write(Files.createDirectories(folder.resolve("other")), 4).export();
    Path out = folder.resolve("several");
    String[] command = {
      drawn.export().toString(),
      drawn.training().toString(),
      other.toString(),
      "--suite",
      "textvqa,docvqa",
      "--data-dir",
      data.toString(),
      "--out",
      out.toString(),
      "--html",
      "--perplexity"
    };
    List<String> all = new ArrayList<>(List.of("eval"));
    all.addAll(List.of(command));
    Outcome outcome = Outcome.of(all.toArray(String[]::new));
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("-export: textvqa  n = 5"), outcome.out());
    // The folders of the first and the third are both named export.
    String first = folder.getFileName() + "-export";
    for (String label : List.of(first, "checkpoints-examples-000000000001", "other-export")) {
      assertTrue(Files.isRegularFile(out.resolve(label).resolve("results.json")), label);
    }
    JsonNode whole = new ObjectMapper().readTree(out.resolve("evaluation.json").toFile());
    assertEquals(3, whole.path("models").size());
    JsonNode row = whole.path("tasks").path(1).path("rows").path(0);
    assertEquals("anls:big_vision v1", row.path("metric").asText());
    assertEquals(3, row.path("values").size());
    // An export answers as its checkpoint does; there is nothing between them.
    JsonNode same = row.path("differences").path(0).path("paired");
    assertEquals(0, same.path("difference").asDouble());
    assertEquals(1, same.path("p").asDouble());
    assertEquals(5, same.path("same").asInt());
    assertFalse(row.path("differences").path(0).path("significant").asBoolean());
    // Losses are compared example by example, perplexities over resamples of examples.
    Map<String, String> tests = Map.of("loss", "PERMUTATION", "perplexity", "BOOTSTRAP");
    for (JsonNode one : whole.path("tasks").path(1).path("rows")) {
      String test = tests.get(one.path("metric").asText());
      if (test == null) {
        continue;
      }
      JsonNode differences = one.path("differences");
      assertEquals(1, differences.path(0).path("paired").path("p").asDouble());
      JsonNode paired = differences.path(1).path("paired");
      assertEquals(test, paired.path("test").asText());
      assertEquals(
          one.path("values").path(2).path("value").asDouble()
              - one.path("values").path(0).path("value").asDouble(),
          paired.path("difference").asDouble(),
          1e-9);
      assertEquals(
          5, paired.path("higher").asInt() + paired.path("lower").asInt(), paired.toString());
    }
    assertEquals(
        5, whole.path("tasks").path(1).path("rows").size(), "two metrics and three likelihoods");
    JsonNode sample = whole.path("tasks").path(0).path("samples").path(0);
    assertEquals(sample.path("answers").path(0), sample.path("answers").path(1));
    assertFalse(sample.path("answers").path(0).equals(sample.path("answers").path(2)));
    String table = Files.readString(out.resolve("comparison.md"));
    assertTrue(
        table.contains("| docvqa | anls:big\\_vision v1 |")
            || table.contains("| docvqa | anls:big_vision v1 |"),
        table);
    assertTrue(table.contains("## Differences from"), table);
    String page = Files.readString(out.resolve("evaluation.html"));
    assertTrue(page.contains("src=\"data:image/jpeg"), "the pictures of the samples");

    Path rebuilt = folder.resolve("rebuilt.html");
    Outcome report = Outcome.of("report", out.toString(), "--out", rebuilt.toString());
    assertEquals(0, report.exit(), report.err());
    assertEquals(page, Files.readString(rebuilt));

    // Why models are not compared is a sentence: in a cell it would push the columns off the page.
    String why = "not comparable, the protocols differ: image.resize: bilinear -> bicubic";
    ObjectNode apart = whole.deepCopy();
    for (JsonNode task : apart.path("tasks")) {
      for (JsonNode one : task.path("rows")) {
        one.path("differences").forEach(d -> ((ObjectNode) d).put("why", why).putNull("paired"));
      }
    }
    Path copied = Files.createDirectories(folder.resolve("apart"));
    Files.writeString(copied.resolve("evaluation.json"), apart.toString());
    assertEquals(0, Outcome.of("report", copied.toString()).exit());
    String sentences = Files.readString(copied.resolve("evaluation.html"));
    String model = apart.path("models").path(2).path("label").asText();
    assertTrue(
        sentences.contains(
            "<p>%s: %s (textvqa, docvqa)</p>".formatted(model, why.replace(">", "&gt;"))),
        sentences.substring(sentences.indexOf("id=\"differences\"")));

    // Run again, it answers nothing anew, and says the same; --json prints all of it.
    Path predictions = out.resolve("other-export/predictions/docvqa.jsonl");
    String before = Files.readString(predictions);
    all.add("--json");
    Outcome again = Outcome.of(all.toArray(String[]::new));
    assertEquals(0, again.exit(), again.err());
    assertEquals(whole, new ObjectMapper().readTree(again.out()));
    assertEquals(before, Files.readString(predictions));
  }

  @Test
  void tasksListTellsWhichFilesArePresent() throws Exception {
    Outcome listed = Outcome.of("tasks", "list", "--data-dir", data.toString());
    assertEquals(0, listed.exit(), listed.err());
    assertTrue(listed.out().matches("(?s).*\\ndocvqa +present\\R.*"), listed.out());
    assertTrue(
        listed.out().matches("(?s).*\\ngqa +missing: gqa/testdev_balanced_questions.json.*"),
        listed.out());
    assertTrue(listed.out().contains("2 of "), listed.out());
    JsonNode json =
        new ObjectMapper()
            .readTree(Outcome.of("tasks", "list", "--json", "--data-dir", data.toString()).out());
    for (JsonNode task : json.path("tasks")) {
      boolean present = task.path("name").asText().matches("docvqa|textvqa");
      assertEquals(present, task.path("missing").isEmpty(), task.toString());
    }
    Outcome none = Outcome.of("tasks", "list", "--data-dir", folder.resolve("none").toString());
    assertEquals(2, none.exit());
  }

  @Test
  @SuppressWarnings("try") // of Arrow's datasets, which may be interrupted
  void perplexityOfABenchmarkIsThatOfItsReferences() throws Exception {
    Path out = folder.resolve("perplexity");
    String[] command = {"--suite", "textvqa,docvqa", "--out", out.toString(), "--hub"};
    assertEquals(0, eval(drawn.export(), command).exit());
    JsonNode without = result(out);
    assertFalse(without.path("perplexity").path("n").asInt() > 0, without.toString());
    List<String> asked = new ArrayList<>(List.of(command));
    asked.add("--perplexity");
    assertEquals(0, eval(drawn.export(), asked.toArray(String[]::new)).exit());
    JsonNode with = result(out);
    double sum = 0;
    long tokens = 0;
    for (String line : Files.readAllLines(out.resolve("predictions/docvqa.jsonl"))) {
      JsonNode answer = new ObjectMapper().readTree(line);
      sum += answer.path("referenceLoss").asDouble() * answer.path("referenceTokens").asLong();
      tokens += answer.path("referenceTokens").asLong();
    }
    assertEquals(tokens, with.path("perplexity").path("n").asLong());
    assertTrue(tokens >= 10, "the answer and its end, five times");
    assertEquals(Math.exp(sum / tokens), with.path("perplexity").path("value").asDouble(), 1e-9);
    assertTrue(
        Files.readString(out.resolve("results.md")).contains("## Likelihood of the references"));
    assertEquals(
        without.path("metrics").path(0).path("value"), with.path("metrics").path(0).path("value"));

    // What the Hub shows.
    String index = Files.readString(out.resolve("model-index.yaml"));
    assertTrue(
        index.startsWith(
            "model-index:\n- name: \"export\"\n  results:\n  - task: {\"type\": \"image-text-to-text\"}\n"
                + "    dataset: {\"name\":\"TextVQA"),
        index);
    assertTrue(
        index.contains("    - {\"type\":\"anls\",\"name\":\"anls:big_vision v1\",\"value\":"),
        index);
    assertTrue(index.contains("\"type\":\"perplexity\""), index);
    List<String> rows = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        FileSystemDatasetFactory factory =
            new FileSystemDatasetFactory(
                allocator,
                NativeMemoryPool.getDefault(),
                FileFormat.PARQUET,
                out.resolve("answers.parquet").toUri().toString());
        Dataset dataset = factory.finish();
        Scanner scanner = dataset.newScan(new ScanOptions(100));
        ArrowReader reader = scanner.scanBatches()) {
      while (reader.loadNextBatch()) {
        VectorSchemaRoot root = reader.getVectorSchemaRoot();
        for (int i = 0; i < root.getRowCount(); i++) {
          rows.add(
              "%s %s %s %s"
                  .formatted(
                      root.getVector("task").getObject(i),
                      root.getVector("id").getObject(i),
                      root.getVector("references").getObject(i),
                      root.getVector("score").getObject(i) != null));
        }
      }
    }
    assertEquals(10, rows.size());
    assertEquals("docvqa 100 [\"a\"] true", rows.get(5));
  }

  private static JsonNode result(Path out) throws IOException {
    return new ObjectMapper()
        .readTree(out.resolve("results.json").toFile())
        .path("tasks")
        .path("docvqa");
  }

  @Test
  void thePageOfAnEvaluationShowsInABrowser() throws Exception {
    Path out = folder.resolve("shown");
    Outcome outcome = eval(drawn.export(), "--suite", "textvqa", "--out", out.toString(), "--html");
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains(out.resolve("evaluation.html").toString()), outcome.out());
    String dom = Chromium.dom(folder, out.resolve("evaluation.html"), "--window-size=390,800");
    assertEquals(5, dom.split("<ol class=\"answers\"", -1).length - 1);
    assertTrue(dom.contains("<figure class=\"card score\""), "a chart");
    assertFalse(dom.contains("id=\"differences\""), "one model has none");
    assertFalse(dom.contains("data-errors"), "errors");
  }

  @Test
  void aCheckpointIsNamedOnce() {
    Outcome twice =
        Outcome.of(
            "eval",
            drawn.export().toString(),
            drawn.export().toString(),
            "--suite",
            "docvqa",
            "--data-dir",
            data.toString(),
            "--out",
            folder.resolve("twice").toString());
    assertEquals(2, twice.exit());
    assertTrue(twice.err().contains("export is given twice"), twice.err());
    Outcome none =
        Outcome.of(
            "eval",
            drawn.export().toString(),
            folder.resolve("nowhere").toString(),
            "--suite",
            "docvqa",
            "--data-dir",
            data.toString(),
            "--out",
            folder.resolve("nothing").toString());
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("nowhere is not a model"), none.err());
  }

  @Test
  void idsThatNoTaskHasAreAMistake() {
    Outcome none =
        eval(
            drawn.export(),
            "--suite",
            "docvqa",
            "--samples",
            "7",
            "--out",
            folder.resolve("none").toString());
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("no task has an example of id 7"), none.err());
  }

  @Test
  void whatIsNoResultsFileIsNoBaseline() throws IOException {
    for (String text : List.of("{\"tasks\": ", "{\"tasks\": {\"docvqa\": {\"x\": 1}}}", "[]")) {
      Path file = Files.writeString(folder.resolve("no-results.json"), text);
      Outcome outcome = eval(drawn.export(), "--suite", "docvqa", "--baseline", file.toString());
      assertEquals(2, outcome.exit(), text);
      assertTrue(outcome.err().contains("no-results.json"), outcome.err());
      assertFalse(outcome.err().contains("\tat "), outcome.err());
    }
  }

  @Test
  @SuppressWarnings("try") // the lock is used by being held
  void twoEvaluationsDoNotShareAFolder() {
    Path out = folder.resolve("shared");
    try (FolderLock lock = new RunFolder(out).lock()) {
      Outcome second = eval(drawn.export(), "--suite", "docvqa", "--out", out.toString());
      assertEquals(2, second.exit());
      assertTrue(second.err().contains("is in use by process"), second.err());
    }
    assertFalse(Files.exists(out.resolve("predictions")));
  }

  @Test
  void aFolderThatCannotBeWrittenIsNoStackTrace() throws IOException {
    Path file = Files.writeString(folder.resolve("a-file"), "");
    Outcome outcome =
        eval(drawn.export(), "--suite", "docvqa", "--out", file.resolve("below").toString());
    assertEquals(2, outcome.exit());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void tasksAreListedAndShown() {
    Outcome list = Outcome.of("tasks", "list");
    assertEquals(0, list.exit(), list.err());
    assertTrue(list.out().contains("paper-table") && list.out().contains("Objaverse"), list.out());
    Outcome show = Outcome.of("tasks", "show", "docvqa", "--data-dir", data.toString());
    assertEquals(0, show.exit(), show.err());
    assertTrue(show.out().contains("metrics: ['anls:big_vision'"), show.out());
    assertTrue(show.out().contains("5 examples. The first, 100:\nwhat\n"), show.out());
    assertTrue(show.out().contains("rrc.cvc.uab.es"), show.out());
  }

  @Test
  void aDefinitionOfOnesOwnIsShownWithoutItsFiles() throws IOException {
    String kettles =
        """
        include: questions
        name: kettles
        title: Kettles
        prompt: 'answer {topic} {question}'
        metrics: ['%s']
        split: all
        data: [{format: json_lines, files: {rows: rows.jsonl}, from: a desk}]
        """;
    Path file =
        Files.writeString(folder.resolve("kettles.yaml"), kettles.formatted("anls:official"));
    Outcome show = Outcome.of("tasks", "show", file.toString());
    assertEquals(0, show.exit(), show.err());
    assertTrue(show.out().contains("answer {topic} What colour is the kettle?"), show.out());

    Files.writeString(file, kettles.formatted("anls:offical"));
    Outcome misspelt = Outcome.of("tasks", "show", file.toString());
    assertEquals(2, misspelt.exit());
    assertTrue(misspelt.err().contains("nearest: \"official\""), misspelt.err());
  }

  private Outcome eval(Path model, String... options) {
    List<String> args = new ArrayList<>(List.of("eval", model.toString()));
    args.addAll(List.of("--data-dir", data.toString()));
    args.addAll(List.of(options));
    return Outcome.of(args.toArray(String[]::new));
  }
}
