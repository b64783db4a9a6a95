package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.engine.Engine;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class DeviceOptionTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "predict",
        "eval",
        "replay",
        "certify",
        "bench step",
        "bench eval",
        "bench soak",
        "doctor"
      })
  void everyCommandThatRunsAModelTakesADevice(String command) {
    CommandLine line = Main.commandLine();
    for (String word : command.split(" ")) {
      line = Objects.requireNonNull(line.getSubcommands().get(word), word);
    }
    assertNotNull(line.getCommandSpec().findOption("--device"), command);
  }

  /** Never another device in its place. */
  @Test
  void cudaIsRefusedInOneSentenceWhereThereIsNone() {
    assumeTrue(Engine.getEngine("PyTorch").getGpuCount() == 0);
    for (String device : new String[] {"cuda", "cuda:3"}) {
      assertRefused(device, "bench", "step", "--config", "tiny", "--device", device);
      assertRefused(device, "bench", "eval", "--device", device);
      assertRefused(device, "predict", "nowhere", "--prompt", "caption", "--device", device);
    }
  }

  private static void assertRefused(String device, String... args) {
    Outcome outcome = Outcome.of(args);
    assertEquals(2, outcome.exit(), outcome.err());
    assertTrue(outcome.err().startsWith("--device " + device + " cannot be used"), outcome.err());
    assertEquals(1, outcome.err().strip().lines().count(), outcome.err());
  }
}
