package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The shipped recipe as its header says it is run, on files of the same kind but tiny. */
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class RealSizeRecipeTest {
  private static final Path RECIPE =
      Path.of("..", "configs", "recipes", "real-size.yaml").toAbsolutePath().normalize();

  @Test
  void everyStageTrainsOnFabricatedFiles(@TempDir Path folder) throws Exception {
    Path towers = folder.resolve("towers");
    Outcome fabricated =
        launch(folder, List.of("fabricate", "--preset", "tiny", "--out", towers.toString()));
    assertEquals(0, fabricated.exit(), fabricated.toString());
    Path run = folder.resolve("run");
    List<String> arguments =
        new ArrayList<>(List.of("run", RECIPE.toString(), "--out", run.toString()));
    for (String set :
        List.of(
            "model.vision={preset: siglip-tiny/14}",
            "model.language={preset: gemma-tiny, vocabulary: 2176}",
            "stages.stage0.init.pretrained.vision=" + towers.resolve("siglip_tiny.npz"),
            "stages.stage0.init.pretrained.language=" + towers.resolve("gemma-tiny"))) {
      arguments.addAll(List.of("--set", set));
    }
    Outcome outcome = launch(folder, arguments);
    assertEquals(0, outcome.exit(), outcome.toString());
    String report = Files.readString(run.resolve("report.md"));
    for (String stage : List.of("stage0", "stage1", "stage2-448", "stage2-896")) {
      assertTrue(report.contains(stage), report);
    }
    assertTrue(Files.exists(run.resolve("stage2-896/export/huggingface/model.safetensors")));
  }

  private static Outcome launch(Path folder, List<String> arguments) throws Exception {
    Map<String, String> checkpoints =
        Map.of("PALIMPSEST_CHECKPOINTS", folder.resolve("towers").toString());
    return Launched.start(folder, checkpoints, arguments).finish();
  }
}
