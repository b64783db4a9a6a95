package dev.palimpsest.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.DecodeConfig;
import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.ImageConfig.Resize;
import dev.palimpsest.configs.SourceConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.configs.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.decoding.TinyModel;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
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
      assertEquals(one, evaluate(source, batch, 0, "many"));
      assertEquals(predictions, Files.readString(folder.resolve("many/task.jsonl")));
    }
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

  private SuiteResult evaluate(Path source, int batch, long limit, String out) {
    return Evaluator.evaluate(
        new SuiteConfig(
            Map.of(
                "task",
                new SuiteTaskConfig(
                    new SourceConfig.JsonLines(source.toString(), null),
                    limit,
                    DecodeConfig.greedy(NEW)))),
        tiny.model,
        tiny.parameters,
        TinyModel.SIDE,
        TEXT,
        new ImageConfig(Resize.BILINEAR, true),
        new CharacterTokenizer(),
        batch,
        tiny.manager,
        folder.resolve(out));
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
