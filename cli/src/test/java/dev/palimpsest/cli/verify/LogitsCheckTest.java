package dev.palimpsest.cli.verify;

import static dev.palimpsest.cli.verify.Verdict.Outcome.FAILS;
import static dev.palimpsest.cli.verify.Verdict.Outcome.HOLDS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.checkpoints.TrainingCheckpoint;
import dev.palimpsest.checkpoints.published.HuggingFaceConfig;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.Precision;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An export's logits, compared with those of a checkpoint. */
class LogitsCheckTest {
  @Test
  void logitsAreThoseOfTheSameParametersAndOfNoOthers(@TempDir Path folder) {
    DrawnModel drawn = DrawnModel.write(folder.resolve("this"));
    DrawnModel other = DrawnModel.write(folder.resolve("other"), 77);
    HuggingFaceConfig config = HuggingFaceConfig.read(drawn.export());
    ExportedModel model =
        new ExportedModel(
            config.model(), config.resolution(), config.model().language().vocabulary());
    Path written = folder.resolve("logits.safetensors");
    try (Machine machine = Machine.open("cpu", null)) {
      LogitsCheck check = new LogitsCheck(machine, written);
      Optional<TrainingCheckpoint> own = Optional.of(CheckpointStore.open(drawn.training()));
      Optional<TrainingCheckpoint> others = Optional.of(CheckpointStore.open(other.training()));
      assertEquals(HOLDS, check.of(drawn.export(), model, own, Precision.F32).outcome());
      assertEquals(FAILS, check.of(drawn.export(), model, others, Precision.F32).outcome());
      assertEquals(
          FAILS,
          check.of(drawn.export(), model, own, Precision.BF16).outcome(),
          "rounded values give other logits");
      assertEquals(
          HOLDS, check.of(drawn.export(), model, Optional.empty(), Precision.F32).outcome());
    }
    try (SafetensorsFile file = SafetensorsFile.open(written)) {
      assertEquals(Set.of("pixels", "tokens", "logits"), Set.copyOf(file.names()));
    }
  }
}
