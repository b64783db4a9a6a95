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

/** The shipped recipe as its header says it is run, of a tiny model. */
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class RealSizeRecipeTest {
  private static final Path RECIPE =
      Path.of("..", "configs", "recipes", "real-size.yaml").toAbsolutePath().normalize();

  @Test
  void everyStageTrainsOnFabricatedFiles(@TempDir Path folder) throws Exception {
    Path run = folder.resolve("run");
    List<String> arguments =
        new ArrayList<>(List.of("run", RECIPE.toString(), "--out", run.toString()));
    for (String set :
        List.of(
            "prepare.fabricate.preset=tiny",
            "model.vision={preset: siglip-tiny/14}",
            "model.language={preset: gemma-tiny, vocabulary: 2176}",
            "stages.stage0.init.pretrained.vision=${run}/towers/siglip_tiny.npz",
            "stages.stage0.init.pretrained.language=${run}/towers/gemma-tiny")) {
      arguments.addAll(List.of("--set", set));
    }
    Outcome outcome = Launched.start(folder, Map.of(), arguments).finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    String report = Files.readString(run.resolve("report.md"));
    for (String stage : List.of("stage0", "stage1", "stage2-448", "stage2-896")) {
      assertTrue(report.contains(stage), report);
    }
    assertTrue(Files.exists(run.resolve("stage2-896/export/huggingface/model.safetensors")));
  }
}
