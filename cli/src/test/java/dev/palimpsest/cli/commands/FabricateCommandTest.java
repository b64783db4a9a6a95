package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FabricateCommandTest {
  private Path folder;
  private Path out;

  @BeforeEach
  void names(@TempDir Path temporary) {
    folder = temporary;
    out = temporary.resolve("towers");
  }

  private Outcome fabricate(String preset, String... more) {
    return Outcome.of(
        Stream.concat(
                Stream.of("fabricate", "--preset", preset, "--out", out.toString()),
                Stream.of(more))
            .toArray(String[]::new));
  }

  /** Both forms of SigLIP are one tower: they become one checkpoint, and a stage trains from it. */
  @ParameterizedTest
  @CsvSource({"tiny, gemma-tiny, gemma-tiny", "tiny2, gemma2-tiny, gemma-2-tiny"})
  void aRunImportsBothFormsToTheSameBits(String preset, String language, String gemma)
      throws IOException {
    Outcome fabricated = fabricate(preset, "--seed", "4");
    assertEquals(0, fabricated.exit(), fabricated.err());
    assertTrue(fabricated.out().contains(out.resolve(gemma) + ": 0.001 GB in "), fabricated.out());
    Map<String, Map<String, String>> runs = new HashMap<>();
    for (String vision : new String[] {"siglip_tiny.npz", "siglip-tiny"}) {
      Path recipe =
          Files.writeString(
              folder.resolve("recipe.yaml"),
              """
              name: fabricated
              threads: 1
              prepare: {playground: {out: '%1$s/data', trainImages: 12, heldOutImages: 12}}
              tokenizer: {path: '%2$s/paligemma_tokenizer.model'}
              model:
                vision: {preset: siglip-tiny/14}
                language: {preset: %3$s, vocabulary: 2176}
              tasks:
                segment:
                  source: {jsonl: '%1$s/data/scenes.train.jsonl'}
                  type: {segment: {vae: '%2$s/vae-oid.npz'}}
              stages:
                - name: stage0
                  init: {pretrained: {vision: '%2$s/%4$s', language: '%2$s/%5$s'}}
                  resolution: 224
                  textTokens: 16
                - name: stage1
                  init: {stage: stage0}
                  examples: 4
                  resolution: 28
                  textTokens: 32
                  batchSize: 2
                  mixture: {segment: 1}
                  optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
              """
                  .formatted(folder, out, language, vision, gemma));
      Path run = folder.resolve("run-" + vision);
      Outcome outcome = Outcome.of("run", recipe.toString(), "--out", run.toString());
      assertEquals(0, outcome.exit(), outcome.err());
      runs.put(vision, tensors(run.resolve("stage1")));
    }
    assertEquals(runs.get("siglip-tiny"), runs.get("siglip_tiny.npz"));
    assertNotEquals(Map.of(), runs.get("siglip-tiny"));
  }

  /** Contents of a stage's safetensors files. */
  private static Map<String, String> tensors(Path stage) throws IOException {
    try (Stream<Path> files = Files.walk(stage)) {
      return files
          .filter(file -> file.toString().endsWith(".safetensors"))
          .collect(
              Collectors.toMap(
                  file -> stage.relativize(file).toString(), FabricateCommandTest::bytes));
    }
  }

  private static String bytes(Path file) {
    try {
      return HexFormat.of().formatHex(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void partsComeOneByOneAndWhatStandsIsLeft() throws IOException {
    assertEquals(0, fabricate("tiny", "--parts", "siglip-hf,mask-codec").exit());
    try (Stream<Path> files = Files.list(out)) {
      assertEquals(
          "fabricated.json siglip-tiny vae-oid.npz",
          files
              .map(file -> file.getFileName().toString())
              .sorted()
              .collect(Collectors.joining(" ")));
    }
    String before = bytes(out.resolve("siglip-tiny/model.safetensors"));
    Files.createDirectory(out.resolve(".gemma-tiny.writing")); // of one that was killed
    Outcome rest = fabricate("tiny");
    assertEquals(0, rest.exit(), rest.err());
    assertTrue(rest.out().contains("siglip-tiny: exists already"), rest.out());
    assertTrue(Files.exists(out.resolve("gemma-tiny/model.safetensors")));
    assertFalse(Files.exists(out.resolve(".gemma-tiny.writing")));
    assertEquals(before, bytes(out.resolve("siglip-tiny/model.safetensors")));
  }

  @Test
  void mistakesAreSentences() throws IOException {
    Outcome slip = fabricate("paligemma-4b");
    assertEquals(2, slip.exit());
    assertTrue(slip.err().contains("did you mean 'paligemma-3b'?"), slip.err());
    Outcome unknown = fabricate("tiny", "--parts", "gemma,vit");
    assertEquals(2, unknown.exit());
    assertTrue(
        unknown.err().contains("unknown part 'vit'; known are siglip-npz, siglip-hf, gemma"),
        unknown.err());

    assertEquals(0, fabricate("tiny", "--parts", "mask-codec").exit());
    Outcome other = fabricate("tiny", "--parts", "mask-codec", "--seed", "1");
    assertEquals(2, other.exit());
    assertTrue(other.err().contains("contains other fabricated files"), other.err());

    Files.delete(out.resolve("fabricated.json"));
    Outcome foreign = fabricate("tiny", "--parts", "mask-codec");
    assertEquals(2, foreign.exit());
    assertTrue(foreign.err().contains("was not fabricated"), foreign.err());
  }
}
