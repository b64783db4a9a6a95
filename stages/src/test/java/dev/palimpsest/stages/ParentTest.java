package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.CheckpointStore;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.lineage.Lineage;
import dev.palimpsest.stages.lineage.StageFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a stage starts from: published files, another stage, or any checkpoint. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ParentTest {
  private Path run;
  private StageResult stage0;
  private StageResult stage1;

  @BeforeAll
  void train(@TempDir Path folder) {
    run = folder.resolve("run");
    List<StageResult> results = TinyStage.RECIPE.run(run, "stages.stage1.evaluate={}");
    stage0 = results.get(0);
    stage1 = results.get(1);
  }

  private PipelineConfig recipe(String... sets) {
    return TinyStage.RECIPE.bind(run, sets);
  }

  private Parent parent(int stage, String... sets) {
    return Parent.of(recipe(sets).stages().get(stage), Map.of("stage0", stage0));
  }

  private static List<String> names(List<Lineage.Ancestor> ancestors) {
    return ancestors.stream().map(Lineage.Ancestor::name).toList();
  }

  @Test
  void publishedFilesAreKnownByTheirContents() throws IOException {
    Parent parent = parent(0);
    Path vision = run.resolve("towers/siglip.npz");
    Path language = run.resolve("towers/gemma");
    assertEquals(ContentHash.of(vision) + "+" + ContentHash.of(language), parent.fingerprint());
    Path moved = Files.copy(vision, run.resolve("moved.npz"));
    String set = "stages.stage0.init.pretrained.vision=" + moved;
    assertEquals(parent.fingerprint(), parent(0, set).fingerprint());
    byte[] bytes = Files.readAllBytes(moved);
    bytes[bytes.length / 2] ^= 1;
    Files.write(moved, bytes);
    assertNotEquals(parent.fingerprint(), parent(0, set).fingerprint());
  }

  @Test
  void publishedFilesAreAllTheAncestorsOfAnImport() {
    Parent parent = parent(0);
    RunFolder folder = new RunFolder(run);
    List<Lineage.Ancestor> ancestors = parent.ancestors(folder);
    assertEquals(List.of("vision", "language"), names(ancestors));
    assertEquals("towers/siglip.npz", ancestors.get(0).place());
    assertEquals(ancestors.stream().map(Lineage.Ancestor::id).toList(), parent.ids(ancestors));
  }

  @Test
  void aStageIsKnownByItsFingerprintAndBringsItsOwnAncestors() {
    Parent parent = parent(1);
    assertEquals(stage0.fingerprint(), parent.fingerprint());
    assertEquals(stage0.checkpoint(), parent.checkpoint().folder());
    List<Lineage.Ancestor> ancestors = parent.ancestors(new RunFolder(run));
    assertEquals(List.of("vision", "language", "tiny/stage0"), names(ancestors));
    assertEquals("stage0/checkpoints/examples-000000000000", ancestors.get(2).place());
    assertEquals(List.of(ancestors.get(2).id()), parent.ids(ancestors));
  }

  @Test
  void acceptedChangesOfAStageStandInItsPlaceAmongTheAncestors() {
    Lineage.Acceptance acceptance =
        new Lineage.Acceptance(Lineage.Acceptance.REUSED, 0, "a", "b", List.of("seed: 1 -> 2"));
    StageResult accepted =
        new StageResult(
            "stage0",
            stage0.fingerprint(),
            stage0.checkpoint(),
            Map.of(),
            List.of(),
            List.of(),
            1,
            List.of(acceptance));
    List<Lineage.Ancestor> ancestors =
        Parent.of(recipe().stages().get(1), Map.of("stage0", accepted))
            .ancestors(new RunFolder(run));
    assertEquals(List.of(acceptance), ancestors.get(2).accepted());
  }

  @Test
  void aCheckpointOfAnotherRunIsKnownByItsStageAndItsExamples(@TempDir Path other) {
    Parent parent = parent(1, "stages.stage1.init={checkpoint: '" + stage1.checkpoint() + "'}");
    assertEquals(stage1.fingerprint() + "@24", parent.fingerprint());
    List<Lineage.Ancestor> ancestors = parent.ancestors(new RunFolder(other.resolve("elsewhere")));
    assertEquals(List.of("vision", "language", "tiny/stage0", "tiny/stage1"), names(ancestors));
    // Outside of the run's own folder places are absolute.
    assertEquals(
        stage1.checkpoint().toAbsolutePath().normalize().toString(), ancestors.get(3).place());
  }

  @Test
  void dataThatContinueKeepTheNameOfTheirOrder() {
    String init = "stages.stage1.init={checkpoint: '" + stage1.checkpoint() + "'}";
    String name = "stages.stage1.name=again";
    assertEquals("again", parent(1, init, name).order());
    assertEquals(
        StageFacts.of(CheckpointStore.open(stage1.checkpoint())).order(),
        parent(1, init, name, "stages.again.handOver={data: continue}").order());
  }

  @Test
  void aDamagedCheckpointOfAStageIsAMistakeWithAWayOut(@TempDir Path folder) throws IOException {
    StageResult result = TinyStage.RECIPE.run(folder, "stages.stage1.evaluate={}").get(0);
    Path arrays = result.checkpoint().resolve("parameters.safetensors");
    byte[] bytes = Files.readAllBytes(arrays);
    bytes[bytes.length - 1] ^= 1;
    Files.write(arrays, bytes);
    Parent parent = Parent.of(recipe().stages().get(1), Map.of("stage0", result));
    assertEquals(result.fingerprint(), parent.fingerprint(), "known without opening it");
    InvalidConfigException refused = assertThrows(InvalidConfigException.class, parent::checkpoint);
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.startsWith("stages.stage1.init: "), message);
    assertTrue(message.contains(arrays.toString()), message);
    assertTrue(message.contains("remove the stage.json of that stage"), message);
  }
}
