package dev.palimpsest.stages.goodput;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.stages.TinyRun;
import dev.palimpsest.stages.goodput.Goodput.Use;
import dev.palimpsest.stages.logs.MemoryInUse;
import dev.palimpsest.stages.logs.Peak;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.optimizer.Optimizer;
import dev.palimpsest.stages.step.TrainStep;
import dev.palimpsest.stages.training.Activity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {
  /** Of a sum of numbers of this size. */
  private static final double ROUNDING = 1e-3;

  private static final Instant BEGAN = Instant.ofEpochSecond(1_700_000_000);

  @TempDir Path folder;
  private Path file;
  private StageConfig stage;
  private double clock;

  @BeforeEach
  void bind() {
    file = folder.resolve("goodput.jsonl");
    stage =
        TinyRun.of(
                "tasks: {caption: {source: {jsonl: '${data}/data/caption.train.jsonl'}}}\n",
                """
                  - name: stage1
                    init: {stage: stage0}
                    examples: 64
                    resolution: 16
                    textTokens: 16
                    batchSize: 8
                    mixture: {caption: 1}
                    optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                    export: {formats: []}
                """)
            .bind(folder)
            .stages()
            .get(1);
  }

  /** A process that began {@code since} seconds after the first one, and now is 5 seconds old. */
  private Ledger process(double since) {
    clock = since + 5;
    return new Ledger(
        file,
        BEGAN.plusMillis((long) (1000 * since)),
        BEGAN.plusMillis((long) (1000 * clock)),
        () -> (long) (1e9 * clock));
  }

  private void step(Ledger ledger, long examples, double seconds, double waitShare) {
    ledger.turnTo(Activity.COMPUTE);
    clock += seconds;
    ledger.step(
        stage,
        new StepMetrics(
            examples / 8,
            examples,
            new TrainStep.Outcome(
                1, new Optimizer.GradientNorms(1, Map.of()), 1, 1, 1, 1, Map.of(), List.of(), true),
            seconds,
            waitShare,
            0,
            Peak.UNKNOWN,
            MemoryInUse.UNKNOWN,
            0,
            null,
            null));
  }

  private static void assertUse(double seconds, Use use, Goodput goodput) {
    assertEquals(
        seconds, goodput.seconds().getOrDefault(use, -1.0), ROUNDING, use + " of " + goodput);
  }

  @Test
  void everySecondIsBookedOverAKillAndAResume() throws IOException {
    Ledger killed = process(0);
    killed.turnTo(Activity.START);
    clock += 3;
    killed.start(stage, 0);
    step(killed, 8, 2, 0.25);
    killed.turnTo(Activity.SAVE);
    clock += 1;
    step(killed, 16, 4, 0);
    // In the middle of the next step it beats once more, and then is killed.
    killed.turnTo(Activity.COMPUTE);
    clock += 6;
    killed.beat();
    Files.writeString(file, "{\"process\": 17, \"from", StandardOpenOption.APPEND);

    Ledger second = process(30);
    second.turnTo(Activity.START);
    clock += 2;
    second.start(stage, 8);
    step(second, 16, 4, 0);
    second.turnTo(Activity.EVALUATE);
    clock += 7;
    second.close();

    Goodput goodput = Goodput.read(file);
    assertUse(8, Use.START, goodput);
    assertUse(1.5 + 4, Use.COMPUTE, goodput);
    assertUse(0.5, Use.INPUT, goodput);
    assertUse(1, Use.SAVE, goodput);
    assertUse(4 + 6, Use.LOST, goodput);
    assertUse(30 - 21 + 7, Use.RESTART, goodput);
    assertUse(7, Use.EVALUATE, goodput);
    assertEquals(48, goodput.wall(), ROUNDING);
    assertEquals(
        goodput.wall(),
        goodput.seconds().values().stream().mapToDouble(Double::doubleValue).sum(),
        ROUNDING);
    assertEquals(2, goodput.processes());
    assertEquals("goodput 11.5 % of 0:00:48.0 in 2 processes:", goodput.table().get(0));
    assertTrue(goodput.table().contains("   20.8 %  0:00:10.0  lost work"), goodput.toString());
  }

  @Test
  void timeOfCollectivesIsTakenFromTheStep() {
    Ledger ledger = process(0);
    ledger.turnTo(Activity.COMPUTE);
    clock += 2;
    ledger.waitedForRanks(Duration.ofMillis(500));
    ledger.close();
    assertUse(1.5, Use.COMPUTE, Goodput.read(file));
    assertUse(0.5, Use.COLLECTIVE, Goodput.read(file));
  }

  /** The folder may still belong to another process. */
  @Test
  void nothingIsWrittenBeforeTheFirstEvent() {
    Ledger ledger = process(0);
    ledger.beat();
    ledger.close();
    assertFalse(Files.exists(file));
    assertEquals(0, Goodput.read(file).wall());
  }
}
