package dev.palimpsest.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.ImageConfig.Resize;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.decoding.TinyModel;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvaluatorTest {
  private static final int TEXT = 24;
  private static final int NEW = 6;
  private static final int EXAMPLES = 11;
  private static final ObjectMapper JSON = new ObjectMapper();

  private TinyModel tiny;
  private Path folder;

  @BeforeAll
  void drawPictures(@TempDir Path temporary) throws IOException {
    tiny = new TinyModel(1);
    folder = temporary;
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < EXAMPLES; i++) {
      BufferedImage image = new BufferedImage(9, 13, BufferedImage.TYPE_INT_RGB);
      for (int p = 0; p < 9 * 13; p++) {
        image.setRGB(p % 9, p / 9, random.nextInt(1 << 24));
      }
      ImageIO.write(image, "png", folder.resolve(i + ".png").toFile());
    }
  }

  @AfterAll
  void close() {
    tiny.close();
  }

  @Test
  void theBatchSizeNeverChangesAnAnswer() throws IOException {
    Path source = source("batches", i -> List.of("?"), i -> 1);
    SuiteResult one = evaluate(source, 1, 0, "one");
    String predictions = Files.readString(folder.resolve("one/task.jsonl"));
    assertTrue(new HashSet<>(said("one")).size() > EXAMPLES / 2, "the answers differ");
    for (int batch : new int[] {2, 4, EXAMPLES, 64}) {
      assertEquals(one, evaluate(source, batch, 0, "many" + batch));
      assertEquals(predictions, Files.readString(folder.resolve("many" + batch + "/task.jsonl")));
    }
  }

  @Test
  void whatIsThrownBetweenBatchesEndsItAndTheAnswersSoFarAreKept() throws IOException {
    Path source = source("stopped", i -> List.of("?"), i -> 1);
    AtomicInteger calls = new AtomicInteger();
    Runnable stop =
        () -> {
          // One call an example while pictures are hashed, then one before each batch of 2.
          if (calls.incrementAndGet() > EXAMPLES + 3) {
            throw new IllegalStateException("stop");
          }
        };
    Evaluator stopped = evaluator(tiny, 2, "stopped", "tiny", stop);
    assertThrows(IllegalStateException.class, () -> stopped.evaluate(suite(source, 0)));
    assertEquals(6, said("stopped").size(), "answers of three batches");
    SuiteResult whole = evaluate(source, 2, 0, "whole");
    assertEquals(whole, evaluate(source, 2, 0, "stopped"));
  }

  @Test
  void aModelIsRightAboutWhatItSaysItself() throws IOException {
    evaluate(source("first", i -> List.of("?"), i -> 1), 4, 0, "said");
    List<String> said = said("said");
    TaskResult result =
        task(evaluate(source("second", i -> List.of(said.get(i)), i -> 1), 4, 0, "again"));
    assertEquals(new Score(1, 0, EXAMPLES), result.exactMatch());
    // Each token that was decoded is the likeliest in the teacher-forced pass as well; the EOS that
    // ends a reference is so only where the model ended there itself, not at the token limit.
    long characters = said.stream().mapToLong(String::length).sum();
    long ended = said.stream().filter(s -> s.length() < NEW).count();
    assertTrue(ended > 0 && ended < EXAMPLES, ended + " answers ended by themselves");
    assertEquals(characters + EXAMPLES, result.tokenAccuracy().n());
    assertTrue(
        result.tokenAccuracy().value() * (characters + EXAMPLES) >= characters + ended - 1e-9);
  }

  @Test
  void oneReferenceInTheEndWrongIsOneMatchLess() throws IOException {
    evaluate(source("right", i -> List.of("?"), i -> 1), 4, 0, "base");
    List<String> said = said("base");
    Path source =
        source(
            "variants",
            // A space more is wrong; one of several right answers is enough.
            i -> i == 3 ? List.of(said.get(i) + " ") : List.of("no", said.get(i)),
            i -> 1);
    TaskResult result = task(evaluate(source, 4, 0, "counted"));
    assertEquals((EXAMPLES - 1.0) / EXAMPLES, result.exactMatch().value(), 1e-15);
    JsonNode wrong = JSON.readTree(Files.readAllLines(folder.resolve("counted/task.jsonl")).get(3));
    assertEquals("variants.jsonl:4", wrong.get("id").asText());
    assertEquals(said.get(3), wrong.get("prediction").asText());
    assertEquals(said.get(3) + " ", wrong.get("references").get(0).asText());
    assertEquals(false, wrong.get("correct").asBoolean());
  }

  @Test
  void examplesWithMorePicturesStandWhereTheyStoodInTheSource() throws IOException {
    Path source = source("several", i -> List.of("x"), i -> i % 3);
    evaluate(source, 2, 0, "pictures");
    List<String> lines = Files.readAllLines(folder.resolve("pictures/task.jsonl"));
    assertEquals(EXAMPLES, lines.size());
    for (int i = 0; i < EXAMPLES; i++) {
      assertEquals("several.jsonl:" + (i + 1), JSON.readTree(lines.get(i)).get("id").asText());
    }
  }

  @Test
  void aLimitTakesTheFirstExamples() throws IOException {
    Path source = source("limited", i -> List.of("x"), i -> 1);
    assertEquals(5, task(evaluate(source, 3, 5, "five")).examples());
    assertEquals(5, Files.readAllLines(folder.resolve("five/task.jsonl")).size());
  }

  @Test
  void aKilledEvaluationGoesOnWhereItWas() throws IOException {
    Path source = source("killed", i -> List.of("?"), i -> 1);
    SuiteResult whole = evaluate(source, 3, 0, "whole");
    List<String> lines = Files.readAllLines(folder.resolve("whole/task.jsonl"));
    // Four answers in another order, one of them recognisable, then a line that a kill tore.
    Files.createDirectories(folder.resolve("torn"));
    String marked = lines.get(2).replaceFirst("\"truncated\":", "\"seen\":1,\"truncated\":");
    Files.writeString(
        folder.resolve("torn/task.jsonl"),
        String.join("\n", lines.get(7), marked, lines.get(0), lines.get(5))
            + "\n"
            + lines.get(1).substring(0, lines.get(1).length() / 2));
    assertEquals(whole, evaluate(source, 3, 0, "torn"));
    List<String> resumed = Files.readAllLines(folder.resolve("torn/task.jsonl"));
    assertEquals(marked, resumed.get(2), "what was saved is not made again");
    resumed.set(2, lines.get(2));
    assertEquals(lines, resumed);
    assertFalse(Files.exists(folder.resolve("torn/task.old.jsonl")));
  }

  @Test
  void aLineTornInTheMiddleOfACharacterIsMadeAgain() throws IOException {
    Path source = source("accents", i -> List.of("?"), i -> 1);
    SuiteResult whole = evaluate(source, 3, 0, "accented");
    String lines = Files.readString(folder.resolve("accented/task.jsonl"));
    int last = lines.lastIndexOf("\"prediction\":\"") + "\"prediction\":\"".length();
    byte[] torn = (lines.substring(0, last) + "ä").getBytes(StandardCharsets.UTF_8);
    Files.createDirectories(folder.resolve("torn-accent"));
    // All but the second byte of the last character.
    Files.write(folder.resolve("torn-accent/task.jsonl"), Arrays.copyOf(torn, torn.length - 1));
    assertEquals(whole, evaluate(source, 3, 0, "torn-accent"));
    assertEquals(lines, Files.readString(folder.resolve("torn-accent/task.jsonl")));
  }

  @Test
  void answersOfAnotherModelOrToAnotherPictureAreKeptApart() throws IOException {
    Path source = source("stale", i -> List.of("?"), i -> 1);
    SuiteResult first = evaluate(source, 4, 0, "stale");
    List<String> before = Files.readAllLines(folder.resolve("stale/task.jsonl"));
    evaluator(4, "stale", "another").evaluate(suite(source, 0));
    assertEquals(before, Files.readAllLines(folder.resolve("stale/task.old.jsonl")));
    String after = Files.readString(folder.resolve("stale/task.jsonl"));
    assertTrue(after.contains("\"model\":\"another\""), after);

    // One picture changes: its answer is made again, and the split is another one.
    BufferedImage white = new BufferedImage(9, 13, BufferedImage.TYPE_INT_RGB);
    byte[] kept = Files.readAllBytes(folder.resolve("4.png"));
    ImageIO.write(white, "png", folder.resolve("4.png").toFile());
    SuiteResult second = evaluator(4, "stale", "another").evaluate(suite(source, 0));
    Files.write(folder.resolve("4.png"), kept);
    assertEquals(
        before.size() + 1, Files.readAllLines(folder.resolve("stale/task.old.jsonl")).size());
    List<String> differences = task(second).differencesFrom(task(first));
    assertEquals(1, differences.size());
    assertTrue(differences.get(0).startsWith("split: "), differences::toString);
  }

  @Test
  void metricsScoreBesidesAndSayUnderWhichProtocol() throws IOException {
    Path source = source("metrics", i -> List.of("a", "b"), i -> 1);
    TaskResult result = evaluator(4, "metrics", "tiny").evaluate("task", withMetrics(source, NEW));
    assertEquals(2, result.metrics().size());
    MetricScore soft = result.score("vqa_soft:big_vision").orElseThrow();
    assertEquals(EXAMPLES, soft.n());
    assertEquals(0, soft.value());
    assertEquals("what is number ".substring(0, 3) + "0", result.firstPrompt());
    assertTrue(result.truncated() > 0 && result.truncated() < EXAMPLES);

    TaskResult longer =
        evaluator(4, "longer", "tiny").evaluate("task", withMetrics(source, NEW + 1));
    assertEquals(List.of("decode.maxNewTokens: 6 -> 7"), longer.differencesFrom(result));
    assertNotEquals(soft.protocol(), longer.metrics().get(0).protocol());
    assertNotEquals(soft.protocol(), result.metrics().get(1).protocol());
    // As it comes back from a file.
    assertEquals(result, JSON.readValue(JSON.writeValueAsString(result), TaskResult.class));
  }

  /** Float32 answers are the same in every batch; bfloat16 ones need not be. */
  @Test
  void precisionIsPartOfTheProtocolAndInBfloat16TheBatchToo() throws IOException {
    Path source = source("precision", i -> List.of("a"), i -> 1);
    SuiteTaskConfig config = withMetrics(source, NEW);
    TaskResult exact = evaluator(4, "f32", "tiny").evaluate("task", config);
    assertEquals("f32", exact.protocol().get("precision"));
    assertEquals(
        List.of(), evaluator(3, "f32-3", "tiny").evaluate("task", config).differencesFrom(exact));
    try (TinyModel rounded = new TinyModel(1, Precision.BF16)) {
      TaskResult four = evaluator(rounded, 4, "bf16").evaluate("task", config);
      assertEquals(
          List.of("precision: f32 -> bf16", "batchSize: (absent) -> 4"),
          four.differencesFrom(exact));
      assertNotEquals(exact.metrics().get(0).protocol(), four.metrics().get(0).protocol());
      TaskResult three = evaluator(rounded, 3, "bf16").evaluate("task", config);
      assertEquals(List.of("batchSize: 4 -> 3"), three.differencesFrom(four));
      // Answers of one batch size are not taken for those of another.
      assertEquals(
          Files.readAllLines(folder.resolve("bf16/task.jsonl")).size(),
          Files.readAllLines(folder.resolve("bf16/task.old.jsonl")).size());
    }
  }

  private static SuiteTaskConfig withMetrics(Path source, int tokens) {
    return new SuiteTaskConfig(
        new SourceConfig.JsonLines(source.toString(), null),
        new TaskType.PrefixSuffix(),
        Map.of(),
        null,
        null,
        null,
        null,
        List.of("vqa_soft:big_vision", "anls:official"),
        0,
        null,
        tokens);
  }

  /** A picture upside down is answered as the same picture upright, and the protocol says so. */
  @Test
  void picturesAreSeenAsTheirOrientationSays() throws IOException {
    Path source = source("oriented", i -> List.of("?"), i -> 1);
    List<byte[]> kept = new ArrayList<>();
    for (int i = 0; i < EXAMPLES; i++) {
      Path file = folder.resolve(i + ".png");
      kept.add(Files.readAllBytes(file));
      Files.write(file, upsideDown(ImageIO.read(file.toFile())));
    }
    TaskResult stored = evaluator(4, "oriented", "tiny").evaluate("task", oriented(source, null));
    TaskResult seen =
        evaluator(4, "oriented", "tiny").evaluate("task", oriented(source, Orientation.EXIF));
    List<String> answers = said("oriented");
    assertEquals(List.of("orientation: (absent) -> exif"), seen.differencesFrom(stored));
    assertEquals(EXAMPLES, Files.readAllLines(folder.resolve("oriented/task.old.jsonl")).size());
    for (int i = 0; i < EXAMPLES; i++) {
      Files.write(folder.resolve(i + ".png"), kept.get(i));
    }
    TaskResult upright = evaluator(4, "upright", "tiny").evaluate("task", oriented(source, null));
    assertEquals(said("upright"), answers);
    assertEquals(upright.tokenAccuracy(), seen.tokenAccuracy());
  }

  private static SuiteTaskConfig oriented(Path source, @Nullable Orientation orientation) {
    return new SuiteTaskConfig(
        new SourceConfig.JsonLines(source.toString(), null),
        new TaskType.PrefixSuffix(),
        Map.of(),
        orientation,
        null,
        null,
        null,
        List.of(),
        0,
        null,
        NEW);
  }

  /** Turned by 180 degrees, as a PNG file whose {@code eXIf} chunk has an orientation of 3. */
  private static byte[] upsideDown(BufferedImage picture) throws IOException {
    BufferedImage turned =
        new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        turned.setRGB(
            x, y, picture.getRGB(picture.getWidth() - 1 - x, picture.getHeight() - 1 - y));
      }
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(turned, "png", bytes);
    byte[] png = bytes.toByteArray();
    byte[] chunk =
        HexFormat.of()
            .parseHex("65584966" + "49492a00080000000100120103000100000003000000" + "00000000");
    CRC32 checksum = new CRC32();
    checksum.update(chunk);
    int head = 33; // the signature and the first chunk
    return ByteBuffer.allocate(png.length + chunk.length + 8)
        .put(png, 0, head)
        .putInt(chunk.length - 4)
        .put(chunk)
        .putInt((int) checksum.getValue())
        .put(png, head, png.length - head)
        .array();
  }

  @Test
  void aBenchmarkIsAskedAndJudgedByItsDefinition() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    Path definition =
        Files.writeString(
            data.resolve("numbers.yaml"),
            """
            include: questions
            name: numbers
            title: Numbers
            textTokens: 24
            decode: {maxNewTokens: 6}
            postprocess: [lower]
            metrics: ['exact_match:official', 'anls:big_vision']
            split: all
            examples: 3
            data: [{format: json_lines, files: {rows: rows.jsonl}, from: a desk}]
            """);
    Files.copy(folder.resolve("1.png"), data.resolve("1.png"));
    Files.writeString(
        data.resolve("rows.jsonl"),
        """
        {"id": "a", "image": "1.png", "question": "how?", "references": ["x"]}
        {"id": "b", "image": "1.png", "question": "why?", "references": ["y"]}
        """);
    SuiteTaskConfig config = SuiteTaskConfig.ofBenchmark(definition.toString(), data.toString());
    TaskResult result = evaluator(4, "numbers", "tiny").evaluate("numbers", config);
    assertEquals("answer en how?", result.firstPrompt());
    assertEquals(List.of("2 of the 3 examples of the split"), result.notes());
    assertEquals("'numbers v1'", result.protocol().get("task"));
    assertEquals(2, result.headline().orElseThrow().n());
    assertEquals(0, result.tokenAccuracy().n());
    SuiteTaskConfig oriented =
        new SuiteTaskConfig(
            null,
            new TaskType.PrefixSuffix(),
            Map.of(),
            Orientation.EXIF,
            definition.toString(),
            data.toString(),
            null,
            List.of(),
            0,
            null,
            null);
    TaskResult turned = evaluator(4, "turned", "tiny").evaluate("numbers", oriented);
    assertEquals(List.of("orientation: (absent) -> exif"), turned.differencesFrom(result));

    Selection one = new Selection(0, List.of("b"), true, false);
    TaskResult predicted =
        new Evaluator(
                new EvaluatedModel(
                    tiny.model,
                    tiny.weights,
                    new CharacterTokenizer(),
                    TinyModel.SIDE,
                    new ImageConfig(Resize.BILINEAR, true),
                    TEXT,
                    true,
                    "tiny"),
                4,
                tiny.manager,
                folder.resolve("one-of-numbers"),
                one,
                () -> {})
            .evaluate("numbers", config);
    assertEquals(1, predicted.examples());
    assertEquals(List.of(), predicted.metrics());
  }

  private SuiteResult evaluate(Path source, int batch, long limit, String out) {
    return evaluator(batch, out, "tiny").evaluate(suite(source, limit));
  }

  private Evaluator evaluator(int batch, String out, String fingerprint) {
    return evaluator(tiny, batch, out, fingerprint, () -> {});
  }

  private Evaluator evaluator(TinyModel other, int batch, String out) {
    return evaluator(other, batch, out, "tiny", () -> {});
  }

  private Evaluator evaluator(
      TinyModel other, int batch, String out, String fingerprint, Runnable between) {
    return new Evaluator(
        new EvaluatedModel(
            other.model,
            other.weights,
            new CharacterTokenizer(),
            TinyModel.SIDE,
            new ImageConfig(Resize.BILINEAR, true),
            TEXT,
            true,
            fingerprint),
        batch,
        other.manager,
        folder.resolve(out),
        Selection.ALL,
        between::run);
  }

  private static SuiteConfig suite(Path source, long limit) {
    return new SuiteConfig(
        Map.of(
            "task",
            new SuiteTaskConfig(
                new SourceConfig.JsonLines(source.toString(), null),
                limit,
                DecodeConfig.greedy(NEW))));
  }

  /** All answers of a predictions file. */
  private List<String> said(String out) throws IOException {
    List<String> said = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(out + "/task.jsonl"))) {
      said.add(JSON.readTree(line).get("prediction").asText());
    }
    return said;
  }

  private static TaskResult task(SuiteResult result) {
    return Objects.requireNonNull(result.tasks().get("task"));
  }

  private interface ByExample<T> {
    T of(int example);
  }

  /** Prompts of several lengths. */
  private Path source(String name, ByExample<List<String>> references, ByExample<Integer> pictures)
      throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < EXAMPLES; i++) {
      ObjectNode line = JSON.createObjectNode();
      ArrayNode images = line.putArray("image");
      for (int p = 0; p < pictures.of(i); p++) {
        images.add((i + p) % EXAMPLES + ".png");
      }
      line.put("prefix", "what is number ".substring(0, 3 + i) + i);
      ArrayNode suffix = line.putArray("suffix");
      references.of(i).forEach(suffix::add);
      lines.add(line.toString());
    }
    return Files.write(folder.resolve(name + ".jsonl"), lines);
  }
}
