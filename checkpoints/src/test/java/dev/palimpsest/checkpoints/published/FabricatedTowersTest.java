package dev.palimpsest.checkpoints.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.published.WeightMapping.Part;
import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.Elements;
import dev.palimpsest.checkpoints.tensors.SafetensorsFile;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.binding.Presets;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.ParameterSpecs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FabricatedTowersTest {
  private static final int RESOLUTION = 28;

  /** The embedding is made in several parts, by several threads. */
  private static final int VOCABULARY = 3000;

  @TempDir Path folder;

  /**
   * Gemma: parameters without the embedding as computed from the papers' tables. SigLIP: those of
   * transformers' SiglipModel with the configuration of google/siglip-so400m-patch14-224.
   */
  @ParameterizedTest
  @CsvSource({
    "gemma-2b, 2048, 1981884416",
    "gemma2-2b, 2304, 2024517888",
    "gemma2-9b, 3584, 8324201984"
  })
  void sizesAreThoseOfThePublishedFiles(String language, long width, long others) {
    ModelConfig model =
        new ModelConfig(Presets.vision("siglip-so400m/14"), Presets.language(language))
            .withVocabulary(256_000);
    FabricatedTowers towers = new FabricatedTowers(model, 224, 32_000, 16, 0);
    assertEquals(2 * (others + 256_000 * width), towers.gemmaBytes());
    assertEquals(4 * 877_360_306L, towers.siglipBytes());
  }

  @ParameterizedTest
  @CsvSource({"gemma-tiny", "gemma2-tiny"})
  void stageZeroMissesNothingAndDropsWhatItShould(String language) {
    FabricatedTowers towers = towers(language, 0);
    towers.siglipBigVision(folder.resolve("siglip.npz"));
    towers.siglipHuggingFace(folder.resolve("siglip"));
    towers.gemma(folder.resolve("gemma"), target -> {});
    String npz = match("siglip.npz", language, Part.VISION);
    assertTrue(npz.endsWith("b, img/MAPHead_0/* (15), t, txt/* (22)]"), npz);
    String huggingFace = match("siglip", language, Part.VISION);
    assertTrue(
        huggingFace.endsWith(
            "logit_bias, logit_scale, text_model.* (38), vision_model.head.* (11)]"),
        huggingFace);
    assertEquals("[]", match("gemma", language, Part.LANGUAGE));
  }

  /** Matches one source; its notes. */
  private String match(String name, String language, Part part) {
    Path path = folder.resolve(name);
    ModelConfig model = model(language);
    try (TensorSource source = TensorSource.open(path)) {
      SourceMatch match =
          new SourceMatch(
              source,
              SourceFacts.of(path),
              Architecture.of(model),
              ParameterSpecs.of(model, RESOLUTION),
              Set.of(part));
      assertEquals(List.of(), match.problems);
      String prefix = part == Part.VISION ? "vision/" : "language/";
      assertEquals(
          ParameterSpecs.of(model, RESOLUTION).keySet().stream()
              .filter(ours -> ours.startsWith(prefix))
              .collect(Collectors.toSet()),
          match.places.keySet());
      if (Files.isDirectory(path)) {
        Path config = path.resolve("config.json");
        boolean vision = part == Part.VISION;
        assertEquals(List.of(), HuggingFaceConfig.differences(config, model, vision, !vision));
      }
      return match.notes.toString();
    }
  }

  @Test
  void sameSeedSameBytesAndAnotherSeedOthers() throws IOException {
    List<byte[]> files = new ArrayList<>();
    for (int seed : new int[] {7, 7, 8}) {
      FabricatedTowers towers = towers("gemma-tiny", seed);
      Path npz = folder.resolve("siglip.npz");
      towers.siglipBigVision(npz);
      towers.gemma(folder.resolve("gemma"), target -> {});
      files.add(Files.readAllBytes(npz));
      files.add(Files.readAllBytes(folder.resolve("gemma/model.safetensors")));
    }
    for (int form = 0; form < 2; form++) {
      assertArrayEquals(files.get(form), files.get(form + 2));
      assertFalse(Arrays.equals(files.get(form), files.get(form + 4)));
    }
  }

  /** What threads made in parts is what one makes an element at a time. */
  @Test
  void aValueFollowsFromItsPlaceAlone() {
    towers("gemma-tiny", 3).gemma(folder.resolve("gemma"), target -> {});
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("gemma"))) {
      String name = "model.embed_tokens.weight";
      assertEquals(ElementType.BF16, file.info(name).type());
      long rows = file.shape(name).get(0);
      long width = file.shape(name).get(1);
      DrawnValues values =
          new DrawnValues(3, WeightMapping.EMBEDDING, 0, 1 / Math.sqrt((double) width));
      ByteBuffer one = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder());
      ByteBuffer stored = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder());
      for (long at = 0; at < rows * width; at += 997) {
        values.fill(at, 1, one.clear());
        Elements.readFloats(file.bytes(name), ElementType.BF16, at, stored.clear());
        // bfloat16 keeps eight bits
        assertEquals(one.getFloat(0), stored.getFloat(0), Math.abs(one.getFloat(0)) / 256);
      }
    }
  }

  @Test
  void valuesHaveTheDeviationAskedForAndEverySecondIsEverySecond() {
    int n = 1 << 18;
    ByteBuffer all = ByteBuffer.allocate(4 * n).order(ByteOrder.nativeOrder());
    ByteBuffer even = ByteBuffer.allocate(2 * n).order(ByteOrder.nativeOrder());
    DrawnValues values = new DrawnValues(1, "language/norm/scale", 0.5, 0.25);
    values.fill(0, 1, all);
    values.fill(0, 2, even);
    double sum = 0;
    double squares = 0;
    double neighbours = 0;
    for (int i = 0; i < n; i++) {
      double value = all.getFloat(4 * i) - 0.5;
      sum += value;
      squares += value * value;
      neighbours += i == 0 ? 0 : value * (all.getFloat(4 * i - 4) - 0.5);
      if (i % 2 == 0) {
        assertEquals(all.getFloat(4 * i), even.getFloat(2 * i));
      }
    }
    // Five standard errors of n draws: 5 * 0.25 / 512, 5 * 0.25 / sqrt(2) / 512, 5 * 0.0625 / 512.
    assertEquals(0, sum / n, 0.0025);
    assertEquals(0.25, Math.sqrt(squares / n), 0.0018);
    assertEquals(0, neighbours / n, 0.0007);
  }

  private static FabricatedTowers towers(String language, long seed) {
    return new FabricatedTowers(model(language), RESOLUTION, 50, 4, seed);
  }

  private static ModelConfig model(String language) {
    return new ModelConfig(Presets.vision("siglip-tiny/14"), Presets.language(language))
        .withVocabulary(VOCABULARY);
  }
}
