package dev.palimpsest.stages.preparation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.checkpoints.published.PretrainedImporter;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.model.Initialization;
import dev.palimpsest.model.blocks.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TowersTest {
  private static final int BASE = 300;
  private static final int ADDED = 20;

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stageZeroReadsWhatWasDrawn(boolean gemma2) {
    ModelConfig model = model(gemma2);
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      Towers.write(manager, settings(folder, 5), model);
      PretrainedImporter.Imported imported =
          PretrainedImporter.read(
              manager, source(folder), model.withVocabulary(BASE + ADDED), 16, 1);
      try (Parameters read = imported.parameters();
          Parameters drawn = Initialization.random(manager, model, 16, 5)) {
        for (String name : drawn.names()) {
          float[] values = read.get(name).toFloatArray();
          if (name.equals("language/embedding")) {
            values = java.util.Arrays.copyOf(values, BASE * model.language().width());
          }
          if (!name.startsWith("connector/")) {
            assertArrayEquals(drawn.get(name).toFloatArray(), values, name);
          }
        }
      }
      String notes = imported.notes().toString();
      assertTrue(notes.contains("b, img/MAPHead_0/*, t, txt/*"), notes);
      assertTrue(notes.contains("from 300 to 320 rows"), notes);
    }
  }

  @Test
  void sameSeedSameBytes(@TempDir Path other) throws IOException {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      Towers.write(manager, settings(folder, 5), model(false));
      Towers.write(manager, settings(other, 5), model(false));
    }
    for (String file :
        new String[] {"siglip.npz", "gemma/model.safetensors", "gemma/config.json"}) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve(file)), Files.readAllBytes(other.resolve(file)), file);
    }
  }

  @Test
  void writingAgainLeavesThemAndOtherSettingsAreRefused() throws IOException {
    try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
      Towers.write(manager, settings(folder, 5), model(false));
      FileTime before = Files.getLastModifiedTime(folder.resolve("siglip.npz"));
      Towers.write(manager, settings(folder, 5), model(false));
      assertEquals(before, Files.getLastModifiedTime(folder.resolve("siglip.npz")));
      InvalidConfigException e =
          assertThrows(
              InvalidConfigException.class,
              () -> Towers.write(manager, settings(folder, 6), model(false)));
      assertTrue(e.toString().contains("contains other towers"), e.toString());
    }
  }

  private static PrepareConfig.Towers settings(Path out, long seed) {
    return new PrepareConfig.Towers(out.toString(), seed, 16);
  }

  private static Init.FromPretrained source(Path folder) {
    return new Init.FromPretrained(
        folder.resolve("siglip.npz").toString(),
        folder.resolve("gemma").toString(),
        null,
        Init.ConnectorInit.ZERO);
  }

  private static ModelConfig model(boolean gemma2) {
    return new ModelConfig(
        new VisionConfig(16, 2, 32, 2, 8, 1e-6),
        new LanguageConfig(
            BASE,
            24,
            2,
            40,
            2,
            1,
            8,
            8,
            gemma2 ? 50 : 0,
            gemma2 ? 30 : 0,
            gemma2,
            0,
            10_000,
            1e-6));
  }
}
