package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.mixtures.Exclusions;
import dev.palimpsest.mixtures.Mixture;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.step.DivergenceException;
import dev.palimpsest.stages.step.GuardEvent;
import dev.palimpsest.stages.training.StopRequest;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training on twelve grey pictures and a red one. The checkpoint that it starts from has two
 * weights of 2^127, which cancel exactly on grey and overflow float32 on red: one example makes the
 * loss something that is no number.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GuardedRunTest {
  private static final String TASKS =
      """
      tasks:
        grey: {source: {jsonl: '${data}/grey.jsonl'}}
        odd: {source: {jsonl: '${data}/odd.jsonl'}}
        pairs: {source: {jsonl: '${data}/pairs.jsonl'}}
        words: {source: {jsonl: '${data}/words.jsonl'}}
      """;
  private static final TinyRun TINY =
      TinyRun.of(
          TASKS,
          """
            - name: train
              init: {checkpoint: '${data}/poisoned/first'}
              examples: 64
              resolution: 16
              textTokens: 16
              batchSize: 4
              microBatch: 2
              dropout: 0.1
              mixture: {grey: 1}
              optimizer: {learningRate: 1e-2, schedule: {constant: {}}}
              checkpoint: {everyExamples: 16, keepLast: 9}
              guard: {nonFinite: skip}
              export: {formats: []}
          """);

  private Path folder;
  private TinyRun tiny = TINY;

  @BeforeAll
  void poison(@TempDir Path temporary) throws IOException {
    folder = temporary;
    tiny = TINY.with("data", folder);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i <= 12; i++) {
      String name = i == 12 ? "red" : "grey" + i;
      BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
      Graphics2D graphics = image.createGraphics();
      graphics.setColor(i == 12 ? Color.RED : new Color(127, 127, 127));
      graphics.fillRect(0, 0, 16, 16);
      graphics.dispose();
      ImageIO.write(image, "png", folder.resolve(name + ".png").toFile());
      String line = "{\"image\": \"%s.png\", \"prefix\": \"caption en\", \"suffix\": \"%s\"}\n";
      lines.append(line.formatted(name, "a red circle"));
    }
    String all = lines.toString();
    Files.writeString(folder.resolve("grey.jsonl"), all, StandardCharsets.UTF_8);
    Files.writeString(
        folder.resolve("odd.jsonl"),
        all.lines()
            .filter(l -> !l.contains("red.png"))
            .map(
                l ->
                    l.contains("grey5.png")
                        ? l.replace("a red circle", "<loc0001><loc0999><loc0500><seg001><loc0777>")
                        : l)
            .reduce("", (a, b) -> a + b + "\n"),
        StandardCharsets.UTF_8);
    List<String> pairs = new ArrayList<>();
    List<String> words = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      String rest = "\"prefix\": \"answer\", \"suffix\": \"%s\"}".formatted("red ".repeat(i + 1));
      pairs.add("{\"image\": [\"grey%d.png\", \"grey%d.png\"], %s".formatted(i, i + 1, rest));
      words.add("{\"image\": [], " + rest);
    }
    Files.write(folder.resolve("pairs.jsonl"), pairs);
    Files.write(folder.resolve("words.jsonl"), words);
    Path first = folder.resolve("first");
    Path clean = TinyRun.of(TASKS, "").with("data", folder).run(first).get(0).checkpoint();
    try (NDManager manager = NDManager.newBaseManager();
        Parameters parameters = CheckpointStore.open(clean).read(manager, "parameters")) {
      Map<String, Object> facts = CheckpointStore.open(clean).facts();
      CheckpointStore store = new CheckpointStore(folder.resolve("poisoned"));
      store.commit("clean", Map.of("parameters", parameters), facts);
      NDArray kernel = parameters.get("vision/embedding/kernel");
      float[] values = kernel.toFloatArray();
      values[0] = 0x1p127f; // [0, red, 0, 0]
      values[8 * 8] = -0x1p127f; // [0, green, 0, 0]
      kernel.set(values);
      store.commit("first", Map.of("parameters", parameters), facts);
    }
  }

  /** Trains to the end; {@code events} gets the steps in which the guard found something. */
  private Path run(String name, List<StepMetrics> events, String... sets) {
    List<StageResult> results =
        tiny.watched(
            folder.resolve(name),
            new StopRequest(),
            step -> {
              if (step.event() != null) {
                events.add(step);
              }
            },
            sets);
    return results.get(1).checkpoint();
  }

  private static Replay.Result replay(Path capsule, Path run) {
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load()) {
      return Replay.open(capsule, run).run(manager, kernels);
    }
  }

  private static Path capsule(StepMetrics step) {
    GuardEvent event = step.event();
    if (event == null || event.capsule() == null) {
      throw new AssertionError("no capsule at step " + step.step());
    }
    return event.capsule();
  }

  @Test
  void aBatchWhoseLossIsNoNumberIsSkippedAndAResumedRunEndsInTheSameBits() throws IOException {
    List<StepMetrics> whole = new ArrayList<>();
    Path end = run("whole", whole);
    assertFalse(whole.isEmpty());
    assertTrue(whole.stream().noneMatch(step -> step.outcome().updated()));
    Map<String, Object> facts = CheckpointStore.open(end).facts();
    assertEquals(64, facts.get("examples"));
    assertEquals(16 - whole.size(), facts.get("updates"));
    String metrics = Files.readString(folder.resolve("whole/train/metrics.jsonl"));
    assertTrue(metrics.contains("\"action\":\"skip\""), metrics);

    // Stopped in the step after the first skip, then in the middle of what is left.
    int skip = (int) whole.get(0).step();
    Path out = folder.resolve("parts");
    tiny.crash(out, skip + 1);
    tiny.crash(out, 4);
    Path resumed = run("parts", new ArrayList<>());
    for (String group : List.of("parameters", "mu", "nu")) {
      assertArrayEquals(
          Files.readAllBytes(end.resolve(group + ".safetensors")),
          Files.readAllBytes(resumed.resolve(group + ".safetensors")),
          group);
    }
    assertEquals(facts.get("guard"), CheckpointStore.open(resumed).facts().get("guard"));

    // The capsule gives the same bits, and names the example.
    Path capsule = capsule(whole.get(0));
    Replay.Result result = replay(capsule, folder.resolve("whole"));
    assertTrue(result.same(), result.toString());
    assertEquals(skip, result.step());
    assertEquals(
        List.of("grey/grey.jsonl:13"),
        result.examples().stream()
            .filter(e -> !Float.isFinite(e.loss()))
            .map(Replay.ExampleLoss::id)
            .distinct()
            .toList());
  }

  @Test
  void moreSkipsThanAllowedStopTheRunAndLeaveACapsule() {
    DivergenceException stopped =
        assertThrows(
            DivergenceException.class,
            () -> run("limited", new ArrayList<>(), "stages.train.guard.maxSkips=0"));
    String message = String.valueOf(stopped.getMessage());
    assertTrue(message.contains("the loss is NaN, and guard.maxSkips 0 is used up"), message);
    assertTrue(message.contains("palimpsest replay "), message);
    Path capsules = folder.resolve("limited/train/capsules");
    assertEquals(1, new CheckpointStore(capsules).names().size());
  }

  @Test
  void aLossAboveTheOthersIsFoundAndTheSameAfterAResume() throws IOException {
    String[] sets = {
      "stages.train.mixture={odd: 1}",
      "stages.train.init={checkpoint: '" + folder.resolve("poisoned/clean") + "'}",
      "stages.train.guard={spike: skip, window: 6, deviations: 12}",
      "stages.train.dropout=0",
      "stages.train.examples=128"
    };
    List<StepMetrics> whole = new ArrayList<>();
    Path end = run("spike", whole, sets);
    assertFalse(whole.isEmpty());
    StepMetrics first = whole.get(0);
    Path out = folder.resolve("spike-parts");
    tiny.crash(out, (int) first.step() - 1, sets);
    List<StepMetrics> rest = new ArrayList<>();
    Path resumed = run("spike-parts", rest, sets);
    assertEquals(
        whole.stream().map(StepMetrics::step).toList(),
        rest.stream().map(StepMetrics::step).toList());
    assertArrayEquals(
        Files.readAllBytes(end.resolve("parameters.safetensors")),
        Files.readAllBytes(resumed.resolve("parameters.safetensors")));
    Replay.Result result = replay(capsule(first), folder.resolve("spike"));
    assertTrue(result.same(), result.toString());
    Replay.ExampleLoss worst =
        result.examples().stream().max((a, b) -> Float.compare(a.loss(), b.loss())).orElseThrow();
    assertEquals("odd/odd.jsonl:6", worst.id());
  }

  /** Of finite numbers, since all that are none have the same bits here. */
  @Test
  void aStepOfPackedExamplesWithNoneOneAndTwoPicturesIsMadeAgainToTheBit() {
    List<StepMetrics> noted = new ArrayList<>();
    run(
        "packed",
        noted,
        "stages.train.mixture={odd: 1, pairs: 1, words: 1}",
        "stages.train.init={checkpoint: '" + folder.resolve("poisoned/clean") + "'}",
        "stages.train.guard={spike: note, window: 3, deviations: 0.001, capsules: 2}",
        "stages.train.optimizer.learningRate=1e-6",
        "stages.train.batchSize=16",
        "stages.train.microBatch=8",
        "stages.train.packTo=48",
        "stages.train.examples=128");
    Path run = folder.resolve("packed");
    Replay replayed = Replay.open(capsule(noted.get(0)), run);
    Replay.Result result = replay(capsule(noted.get(0)), run);
    assertTrue(Double.isFinite(result.gradientNorm()) && result.gradientNorm() > 0);
    assertTrue(result.same(), result.toString());
    assertEquals(
        Set.of("odd", "pairs", "words"),
        result.examples().stream().map(e -> e.id().split("/")[0]).collect(Collectors.toSet()));
    // Those with the most pictures come first; each is named with its own place.
    PipelineConfig recipe = replayed.recipe();
    try (Mixture mixture =
        Mixture.open(
            recipe.seed(),
            "train",
            recipe.tasks(),
            recipe.stages().get(1),
            Exclusions.NONE,
            Tokenizer.load(Path.of(recipe.tokenizer().path())))) {
      for (Replay.ExampleLoss example : result.examples()) {
        assertEquals(mixture.example(example.position()).id(), example.id());
      }
    }
  }

  @Test
  void aCapsuleWhoseDataHaveChangedIsRefused() throws IOException {
    List<StepMetrics> whole = new ArrayList<>();
    run("changed", whole);
    Path file = folder.resolve("grey.jsonl");
    String before = Files.readString(file);
    try {
      Files.writeString(file, before.replace("red", "blue"));
      InvalidConfigException refused =
          assertThrows(
              InvalidConfigException.class,
              () -> replay(capsule(whole.get(0)), folder.resolve("changed")));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("task grey, source "),
          refused.getMessage());
    } finally {
      Files.writeString(file, before);
    }
  }
}
