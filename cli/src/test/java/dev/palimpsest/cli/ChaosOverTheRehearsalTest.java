package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Fifty kills over every stage and hand-over of the rehearsal, its stages shortened. Minutes long:
 * {@code mvn -Pchaos test}.
 */
@Tag("chaos")
@DisabledOnOs(OS.WINDOWS) // signals
class ChaosOverTheRehearsalTest {
  @TempDir Path folder;

  @Test
  void nothingIsLost() {
    int code =
        Main.commandLine()
            .execute(
                "chaos",
                Path.of("..", "configs", "recipes", "rehearsal.yaml").toString(),
                "--kills",
                "50",
                "--seed",
                "1",
                "--out",
                folder.resolve("chaos").toString(),
                "--set",
                "prepare.playground.trainImages=120",
                "--set",
                "prepare.playground.heldOutImages=12",
                "--set",
                "stages.stage1.examples=320",
                "--set",
                "stages.stage1.checkpoint.everyExamples=96",
                "--set",
                "stages.stage1.evaluate.everyExamples=160",
                "--set",
                "stages.stage1.optimizer.schedule={constant: {warmupExamples: 64}}",
                "--set",
                "stages.stage1.optimizer.groups={}",
                "--set",
                "stages.stage2-64.examples=192",
                "--set",
                "stages.stage2-64.optimizer.schedule={constant: {warmupExamples: 64}}",
                "--set",
                "stages.stage2-64.checkpoint.everyExamples=64",
                "--set",
                "stages.stage2-128.examples=96",
                "--set",
                "stages.stage2-128.optimizer.schedule={constant: {warmupExamples: 32}}",
                "--set",
                "stages.stage2-128.checkpoint.everyExamples=32");
    assertEquals(0, code);
  }
}
