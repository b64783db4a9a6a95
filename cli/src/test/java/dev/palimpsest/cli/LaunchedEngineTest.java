package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.engine.Engine;
import dev.palimpsest.cli.engines.SparseEngine;
import dev.palimpsest.cli.machine.CudaDriver;
import dev.palimpsest.model.kernels.EngineFacts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code --engine} and {@code --device cuda} as users give them. */
@EnabledOnOs(OS.LINUX)
class LaunchedEngineTest {
  @TempDir Path folder = Path.of("");

  private Outcome launch(Map<String, String> environment, String... arguments) throws Exception {
    return Launched.start(folder, environment, List.of(arguments)).finish();
  }

  private static void assertRefused(Outcome outcome, String why) {
    assertEquals(2, outcome.exit(), outcome.toString());
    // Before it the JVM may warn of incubating modules, or of libraries that are none.
    String last = outcome.err().strip().lines().reduce("", (before, line) -> line);
    assertTrue(last.contains(why), outcome.err());
    assertTrue(!outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void withoutADriverTheReasonIsTold() throws Exception {
    assumeTrue(!CudaDriver.probe().found());
    String why = "--device cuda cannot be used: there is no NVIDIA driver here";
    assertRefused(launch(Map.of(), "doctor", "--device", "cuda"), why);
    assertRefused(launch(Map.of(), "bench", "step", "--config", "tiny", "--device", "cuda"), why);
    // The default with an engine that has CUDA.
    assertRefused(launch(Map.of("PALIMPSEST_DEVICE", "cuda"), "doctor"), why);
  }

  @Test
  void withoutALibraryTheReasonIsTold() throws Exception {
    assertRefused(
        launch(Map.of(), "--engine", folder.toString(), "doctor"),
        "folder that holds libtorch.so, such as torch/lib of a Python environment; got '%s', which holds none"
            .formatted(folder));
    // Files that are no libraries.
    SparseEngine.write(folder.resolve("engines"));
    assertRefused(
        launch(
            Map.of("PALIMPSEST_ENGINES", folder.resolve("engines").toString()),
            "--engine=cuda",
            "predict",
            "nowhere",
            "--prompt",
            "caption",
            "--device=cpu"),
        "the engine cannot be loaded: ");
  }

  @Test
  void anotherVersionIsTold() throws Exception {
    Path torch = Files.createDirectories(folder.resolve("torch/lib"));
    Files.createFile(torch.resolve("libtorch.so"));
    Files.writeString(folder.resolve("torch/version.py"), "__version__ = '2.11.0+cu130'\n");
    assertRefused(
        launch(Map.of("PALIMPSEST_ENGINE", torch.toString()), "doctor"),
        "is 2.11.0, and DJL's bridge is compiled for 2.7.1");
  }

  /** The libtorch that the tests run with, as if it were a site's. */
  @Test
  void aFolderIsTakenAsTheEngine() throws Exception {
    Outcome outcome =
        launch(
            Map.of("PYTORCH_VERSION", Engine.getEngine("PyTorch").getVersion()),
            "--engine",
            EngineFacts.folder().toString(),
            "doctor",
            "--json");
    assertEquals(0, outcome.exit(), outcome.toString());
    assertTrue(outcome.out().contains('"' + EngineFacts.folder().toString() + '"'), outcome.out());
  }

  @Test
  void itStandsBeforeTheCommand() throws Exception {
    assertRefused(
        launch(Map.of(), "doctor", "--engine", "cuda"),
        "--engine comes before the command: './palimpsest --engine cuda doctor'");
    assertRefused(launch(Map.of(), "--engine"), "--engine needs a name");
  }
}
