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

/** The shipped recipes as their headers say they are run, of tiny models. */
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class RealSizeRecipeTest {
  private static final Path RECIPES =
      Path.of("..", "configs", "recipes").toAbsolutePath().normalize();

  @TempDir Path folder;

  @Test
  void everyStageTrainsOnFabricatedFiles() throws Exception {
    Path run =
        ran(
            "real-size.yaml",
            "prepare.fabricate.preset=tiny",
            "model.language={preset: gemma-tiny, vocabulary: 2176}",
            "stages.stage0.init.pretrained.language=${run}/towers/gemma-tiny");
    String report = Files.readString(run.resolve("report.md"));
    for (String stage : List.of("stage0", "stage1", "stage2-448", "stage2-896")) {
      assertTrue(report.contains(stage), report);
    }
    assertTrue(Files.exists(run.resolve("stage2-896/export/huggingface/model.safetensors")));
  }

  @Test
  void theLargestModelIsTrainedWithoutKeptGradients() throws Exception {
    Path run =
        ran(
            "real-size-10b.yaml",
            "prepare.fabricate.preset=tiny2",
            "model.language={preset: gemma2-tiny, vocabulary: 2176}",
            "stages.stage0.init.pretrained.language=${run}/towers/gemma-2-tiny");
    List<String> steps = Files.readAllLines(run.resolve("stage1/metrics.jsonl"));
    assertEquals(2, steps.size(), steps.toString());
    assertTrue(Files.readString(run.resolve("recipe.yaml")).contains("recomputed"));
  }

  /** The folder of a run that ended well. */
  private Path ran(String recipe, String... settings) throws Exception {
    Path run = folder.resolve("run");
    List<String> arguments =
        new ArrayList<>(
            List.of("run", RECIPES.resolve(recipe).toString(), "--out", run.toString()));
    for (String set :
        List.of(
            "model.vision={preset: siglip-tiny/14}",
            "stages.stage0.init.pretrained.vision=${run}/towers/siglip_tiny.npz")) {
      arguments.addAll(List.of("--set", set));
    }
    for (String set : settings) {
      arguments.addAll(List.of("--set", set));
    }
    Outcome outcome = Launched.start(folder, Map.of(), arguments).finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    return run;
  }
}
