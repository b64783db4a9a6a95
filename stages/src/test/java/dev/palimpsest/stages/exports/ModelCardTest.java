package dev.palimpsest.stages.exports;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointManifest;
import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.stages.StageResult;
import dev.palimpsest.stages.TinyRun;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ModelCardTest {
  private static final TinyRun TINY =
      TinyRun.of(
          """
          tasks:
            caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            ocr: {source: {jsonl: '${run}/data/ocr.train.jsonl'}}
          suites:
            heldout:
              tasks:
                caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: 4, decode: {maxNewTokens: 2}}
          """,
          """
            - name: stage1
              init: {stage: stage0}
              examples: 8
              resolution: 16
              textTokens: 16
              batchSize: 4
              mixture: {caption: 3, ocr: 1}
              optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
              evaluate: {suites: [heldout], after: true}
              export: {formats: [huggingface]}
          """);

  private Path run;
  private StageResult result;

  @BeforeAll
  void runOnce(@TempDir Path folder) throws IOException {
    run = folder.resolve("run");
    result = TINY.run(run).get(1);
  }

  private String card() throws IOException {
    return Files.readString(result.exports().get(0).resolve("README.md"));
  }

  @Test
  void theHubsMetadataStandsFirst() throws IOException {
    assertTrue(
        card()
            .startsWith(
                """
                ---
                library_name: transformers
                pipeline_tag: image-text-to-text
                license: gemma
                tags:
                - paligemma
                - palimpsest
                ---

                # tiny/stage1
                """),
        card());
  }

  @Test
  void lineageDataAndScoresAreThoseOfTheRun() throws IOException {
    CheckpointManifest manifest = CheckpointStore.peek(result.checkpoint()).manifest();
    Lineage lineage = Lineage.of(result.checkpoint(), manifest);
    String card = card();
    assertTrue(card.contains("| tiny/stage1, this model | 8 | `" + lineage.id() + "` |"), card);
    assertTrue(card.contains("| published vision, siglip.npz |  | `"), card);
    assertTrue(card.contains("| tiny/stage0 | 0 | `" + lineage.parents().get(0) + "` |"), card);
    assertTrue(card.contains("`" + ContentHash.of(lineage.recipeYaml()) + "`"), card);
    assertTrue(card.contains("stage1: 8 examples at 16 pixels, up to 16 text tokens."), card);
    assertTrue(
        card.contains("| caption | 3 | 75.00 % | `{jsonl: {path: run/data/caption.train.jsonl"),
        card);
    assertTrue(card.contains("| ocr | 1 | 25.00 % |"), card);
    assertTrue(card.contains("| heldout, caption | exact match | "), card);
    assertFalse(card.contains(run.toString()), card);
  }

  @Test
  void theCardIsOneOfTheFilesThatAreVerified() {
    Path export = result.exports().get(0);
    Lineage.Exported exported = Lineage.ofExport(export).orElseThrow();
    assertTrue(
        exported.files().stream().anyMatch(file -> file.name().equals("README.md")),
        exported.files().toString());
    assertEquals(List.of(), exported.altered(export));
  }

  @Test
  void whatARecipeSaysIsTextAndNotMarkup() {
    CheckpointManifest manifest = CheckpointStore.peek(result.checkpoint()).manifest();
    Lineage lineage = Lineage.of(result.checkpoint(), manifest);
    StageFacts facts = StageFacts.of(result.checkpoint(), manifest);
    Lineage hostile =
        new Lineage(
            lineage.id(),
            "x\n---\nlicense: mit\n<script>alert(1)</script>",
            "[s](http://x) | a",
            lineage.examples(),
            lineage.order(),
            lineage.fingerprint(),
            lineage.identity(),
            lineage.data(),
            lineage.parents(),
            List.of(
                new Lineage.Ancestor(
                    Lineage.Ancestor.PUBLISHED,
                    "` | *id*",
                    "lan|guage",
                    0,
                    "/home/somebody/<b>.npz",
                    List.of(),
                    List.of())),
            List.of(new Lineage.Acceptance("resumed", 1, "a", "b", List.of("# x: <i> -> |"))),
            List.of(),
            Map.of(),
            "not a recipe");
    String card =
        new String(
            ModelCard.of(hostile, facts, Precision.BF16, Map.of(), run), StandardCharsets.UTF_8);
    assertEquals(2, card.lines().filter(line -> line.equals("---")).count(), card);
    assertTrue(card.lines().noneMatch(line -> line.startsWith("license: mit")), card);
    assertFalse(card.contains(" <script>"), card);
    assertTrue(card.contains("\\<script\\>"), card);
    assertTrue(card.contains("lan\\|guage"), card);
    assertFalse(card.contains("somebody"), card);
    assertTrue(card.contains("`` ` \\| *id* ``"), card);
    assertTrue(card.contains("is not\nsummarised here"), card);
    assertTrue(card.contains("bfloat16, rounded from float32"), card);
  }

  @Test
  void anImportedFolderThatNamesItsRepositoryIsTheBase() throws IOException {
    Path config = run.resolve("towers/gemma/config.json");
    String before = Files.readString(config);
    CheckpointManifest manifest = CheckpointStore.peek(result.checkpoint()).manifest();
    Lineage lineage = Lineage.of(result.checkpoint(), manifest);
    StageFacts facts = StageFacts.of(result.checkpoint(), manifest);
    for (String name : List.of("google/gemma-2b", "/root/models/gemma", "a/b/c", "x/y\\nfoo: 1")) {
      Files.writeString(
          config,
          before.replaceFirst(
              "[{]", "{\"_name_or_path\": \"" + name.replace("\\", "\\\\") + "\","));
      String card =
          new String(
              ModelCard.of(lineage, facts, Precision.F32, Map.of(), run), StandardCharsets.UTF_8);
      assertEquals(
          name.equals("google/gemma-2b"),
          card.contains("base_model:\n- \"google/gemma-2b\"\n"),
          card);
      assertEquals(name.equals("google/gemma-2b"), card.contains("base_model:"), card);
    }
    Files.writeString(config, before);
  }
}
