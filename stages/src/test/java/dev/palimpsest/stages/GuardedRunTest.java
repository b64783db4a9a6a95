package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.configs.InvalidConfigException;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Recipes;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.model.Kernels;
import dev.palimpsest.model.Parameters;
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
  private static final String RECIPE =
      """
      name: guarded
      seed: 3
      prepare:
        playground: {out: '${data}/playground', trainImages: 24, heldOutImages: 6}
        towers: {out: '${data}/towers', resolution: 16}
      tokenizer: {path: '${data}/playground/tokenizer.model'}
      model:
        vision: {width: 16, depth: 1, mlpWidth: 32, heads: 2, patchSize: 8}
        language: {vocabulary: 1728, width: 16, depth: 1, mlpWidth: 32, heads: 2, keyValueHeads: 1,
          headDim: 8, queryScalar: 8}
      tasks:
        grey: {source: {jsonl: '${data}/grey.jsonl'}}
        odd: {source: {jsonl: '${data}/odd.jsonl'}}
      stages:
        - name: import
          init: {pretrained: {vision: '${data}/towers/siglip.npz', language: '${data}/towers/gemma'}}
          resolution: 16
          textTokens: 16
          export: {formats: []}
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
      """;

  private Path folder;

  private static final class Crash extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** Collects what the guard found, and throws after a number of steps. */
  private static final class Watching implements Progress {
    private final List<StepMetrics> events = new ArrayList<>();
    private int stepsLeft;

    Watching(int stepsLeft) {
      this.stepsLeft = stepsLeft;
    }

    @Override
    public void start(StageConfig stage, long fromExamples) {}

    @Override
    public void step(StageConfig stage, StepMetrics metrics) {
      if (metrics.event() != null) {
        events.add(metrics);
      }
      if (--stepsLeft == 0) {
        throw new Crash();
      }
    }

    @Override
    public void end() {}
  }

  @BeforeAll
  void poison(@TempDir Path temporary) throws IOException {
    folder = temporary;
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
    Path clean = run(folder.resolve("first"), new Watching(0), "stages=[]", true);
    try (NDManager manager = NDManager.newBaseManager();
        Parameters parameters = CheckpointStore.open(clean).read(manager, "parameters")) {
      TrainingCheckpoint first = CheckpointStore.open(clean);
      CheckpointStore store = new CheckpointStore(folder.resolve("poisoned"));
      store.commit("clean", Map.of("parameters", parameters), first.facts());
      NDArray kernel = parameters.get("vision/embedding/kernel");
      float[] values = kernel.toFloatArray();
      values[0] = 0x1p127f; // [0, red, 0, 0]
      values[8 * 8] = -0x1p127f; // [0, green, 0, 0]
      kernel.set(values);
      store.commit("first", Map.of("parameters", parameters), first.facts());
    }
  }

  /** Runs the import stage alone, or all of the recipe. */
  private Path run(Path out, Progress progress, String set, boolean importOnly) {
    String text = importOnly ? RECIPE.substring(0, RECIPE.indexOf("  - name: train")) : RECIPE;
    PipelineConfig recipe =
        Recipes.bind(
            text,
            "guarded.yaml",
            importOnly || set.isEmpty() ? List.of() : List.of(set.split(";")),
            Map.of("run", out.toString(), "data", folder.toString()));
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load()) {
      List<StageResult> results =
          new PipelineRunner(manager, kernels, progress, new StopRequest())
              .run(recipe, new RunFolder(out), Map.of());
      return results.get(results.size() - 1).checkpoint();
    }
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
    Watching whole = new Watching(0);
    Path end = run(folder.resolve("whole"), whole, "", false);
    assertFalse(whole.events.isEmpty());
    assertTrue(whole.events.stream().noneMatch(step -> step.outcome().updated()));
    Map<String, Object> facts = CheckpointStore.open(end).facts();
    assertEquals(64, facts.get("examples"));
    assertEquals(16 - whole.events.size(), facts.get("updates"));
    String metrics = Files.readString(folder.resolve("whole/train/metrics.jsonl"));
    assertTrue(metrics.contains("\"action\":\"skip\""), metrics);

    // Stopped in the step after the first skip, then in the middle of what is left.
    int skip = (int) whole.events.get(0).step();
    Path out = folder.resolve("parts");
    assertThrows(Crash.class, () -> run(out, new Watching(skip + 1), "", false));
    assertThrows(Crash.class, () -> run(out, new Watching(4), "", false));
    Path resumed = run(out, new Watching(0), "", false);
    for (String group : List.of("parameters", "mu", "nu")) {
      assertArrayEquals(
          Files.readAllBytes(end.resolve(group + ".safetensors")),
          Files.readAllBytes(resumed.resolve(group + ".safetensors")),
          group);
    }
    assertEquals(facts.get("guard"), CheckpointStore.open(resumed).facts().get("guard"));

    // The capsule gives the same bits, and names the example.
    Path capsule = capsule(whole.events.get(0));
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
            () ->
                run(
                    folder.resolve("limited"),
                    new Watching(0),
                    "stages.train.guard.maxSkips=0",
                    false));
    String message = String.valueOf(stopped.getMessage());
    assertTrue(message.contains("the loss is NaN, and guard.maxSkips 0 is used up"), message);
    assertTrue(message.contains("palimpsest replay "), message);
    Path capsules = folder.resolve("limited/train/capsules");
    assertEquals(1, new CheckpointStore(capsules).names().size());
  }

  @Test
  void aLossAboveTheOthersIsFoundAndTheSameAfterAResume() throws IOException {
    String set =
        "stages.train.mixture={odd: 1};stages.train.init={checkpoint: '"
            + folder.resolve("poisoned/clean")
            + "'};stages.train.guard={spike: skip, window: 6, deviations: 12};"
            + "stages.train.dropout=0;stages.train.examples=128";
    Watching whole = new Watching(0);
    Path end = run(folder.resolve("spike"), whole, set, false);
    assertFalse(whole.events.isEmpty());
    StepMetrics first = whole.events.get(0);
    Path out = folder.resolve("spike-parts");
    assertThrows(Crash.class, () -> run(out, new Watching((int) first.step() - 1), set, false));
    Watching rest = new Watching(0);
    Path resumed = run(out, rest, set, false);
    assertEquals(
        whole.events.stream().map(StepMetrics::step).toList(),
        rest.events.stream().map(StepMetrics::step).toList());
    assertArrayEquals(
        Files.readAllBytes(end.resolve("parameters.safetensors")),
        Files.readAllBytes(resumed.resolve("parameters.safetensors")));
    Replay.Result result = replay(capsule(first), folder.resolve("spike"));
    assertTrue(result.same(), result.toString());
    Replay.ExampleLoss worst =
        result.examples().stream().max((a, b) -> Float.compare(a.loss(), b.loss())).orElseThrow();
    assertEquals("odd/odd.jsonl:6", worst.id());
  }

  @Test
  void aCapsuleWhoseDataHaveChangedIsRefused() throws IOException {
    Watching whole = new Watching(0);
    run(folder.resolve("changed"), whole, "", false);
    Path file = folder.resolve("grey.jsonl");
    String before = Files.readString(file);
    try {
      Files.writeString(file, before.replace("red", "blue"));
      InvalidConfigException refused =
          assertThrows(
              InvalidConfigException.class,
              () -> replay(capsule(whole.events.get(0)), folder.resolve("changed")));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("the mixture has changed"),
          refused.getMessage());
    } finally {
      Files.writeString(file, before);
    }
  }
}
