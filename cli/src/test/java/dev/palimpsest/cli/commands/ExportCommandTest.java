package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoints.tensors.ElementType;
import dev.palimpsest.checkpoints.tensors.TensorSource;
import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.Outcome;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExportCommandTest {
  private Path folder;
  private DrawnModel drawn;

  @BeforeAll
  void drawModel(@TempDir Path temporary) throws IOException {
    folder = temporary;
    drawn = DrawnModel.write(folder);
  }

  private static Outcome export(Object... arguments) {
    return Outcome.of(
        Stream.concat(Stream.of("export"), Stream.of(arguments).map(Object::toString))
            .toArray(String[]::new));
  }

  /** {@code RUN/drawn/checkpoints/examples-000000000001}, as a run leaves it. */
  private Path run(String name) throws IOException {
    Path run = folder.resolve(name);
    Path checkpoint = run.resolve("drawn/checkpoints").resolve(drawn.training().getFileName());
    Files.createDirectories(checkpoint);
    try (Stream<Path> files = Files.list(drawn.training())) {
      for (Path file : files.toList()) {
        Files.copy(file, checkpoint.resolve(file.getFileName()));
      }
    }
    return run;
  }

  @Test
  void aCheckpointBecomesTheFolderThatItsParametersInMemoryMake() throws IOException {
    Path out = folder.resolve("hf");
    Outcome outcome = export(drawn.training(), "--to", "hf", "--out", out);
    assertEquals(0, outcome.exit(), outcome.err());
    assertEquals(out + System.lineSeparator(), outcome.out());
    for (String file : List.of("model.safetensors", "config.json", "tokenizer.json")) {
      assertEquals(-1, Files.mismatch(drawn.export().resolve(file), out.resolve(file)), file);
    }
    Outcome lineage = Outcome.of("lineage", out.toString());
    assertEquals(0, lineage.exit(), lineage.err());
    assertTrue(lineage.out().contains("export huggingface f32"), lineage.out());
    assertTrue(lineage.out().contains("have the sizes and SHA-256"), lineage.out());
  }

  @Test
  void whatRunAndStageMeanIsExportedIntoTheStage() throws IOException {
    Path run = run("run");
    Path expected = run.resolve("drawn/export");
    Outcome half = export(run, "--to", "hf", "--precision", "bf16");
    assertEquals(0, half.exit(), half.err());
    Path huggingFace = expected.resolve("examples-000000000001-hf-bf16");
    assertEquals(huggingFace.toString(), half.out().strip());
    try (TensorSource file = TensorSource.open(huggingFace)) {
      assertEquals(ElementType.BF16, file.info("multi_modal_projector.linear.weight").type());
    }
    Outcome archive = export(run.resolve("drawn"), "--to", "npz");
    assertEquals(0, archive.exit(), archive.err());
    Path npz = expected.resolve("examples-000000000001-npz-f32.npz");
    assertEquals(npz.toString(), archive.out().strip());
    try (TensorSource file = TensorSource.open(npz);
        TensorSource own = TensorSource.open(drawn.training().resolve("parameters.safetensors"))) {
      assertArrayEquals(own.floats("connector/bias"), file.floats("params/img/head/bias"));
    }
    Outcome lineage = Outcome.of("lineage", run.toString());
    assertTrue(lineage.out().contains("export big_vision f32"), lineage.out());
    assertTrue(lineage.out().contains("export huggingface bf16"), lineage.out());
  }

  @Test
  void aFolderForAnNpzHoldsModelNpz() {
    Path out = folder.resolve("archive");
    assertEquals(0, export(drawn.training(), "--to", "npz", "--out", out).exit());
    assertTrue(Files.isRegularFile(out.resolve("model.npz")));
    assertTrue(Files.isRegularFile(out.resolve("model.npz.lineage.json")));
    assertEquals(0, export(drawn.training(), "--to", "npz", "--out", out).exit()); // once more
  }

  @Test
  void aDamagedCheckpointIsNotExported() throws IOException {
    Path run = run("damaged");
    Path parameters = run.resolve("drawn/checkpoints/examples-000000000001/parameters.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(parameters.toFile(), "rw")) {
      file.seek(file.length() - 1);
      file.write(77);
    }
    for (String layout : List.of("hf", "npz")) {
      Outcome outcome = export(run, "--to", layout);
      assertEquals(2, outcome.exit(), outcome.err());
      assertTrue(outcome.err().contains("its SHA-256 is not the manifest's"), outcome.err());
    }
    try (Stream<Path> left = Files.list(run.resolve("drawn/export"))) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void mistakesAreOneSentence() throws IOException {
    assertMistake("not an earlier export", drawn.training(), "--to", "hf", "--out", folder);
    assertMistake(
        "is already a Hugging Face folder", drawn.export(), "--to", "npz", "--out", "x.npz");
    assertMistake("has no checkpoint", folder.resolve("nothing"), "--to", "hf");
    assertMistake("numpy has no bfloat16", drawn.training(), "--to", "npz", "--precision", "bf16");
    assertMistake("--to", drawn.training());
    assertMistake("--precision", drawn.training(), "--to", "hf", "--precision", "f16");
    Path notes = Files.writeString(folder.resolve("mine.npz"), "mine");
    assertMistake("not an earlier export", drawn.training(), "--to", "npz", "--out", notes);
    assertEquals("mine", Files.readString(notes));
    Path moved = run("moved");
    Files.move(folder.resolve("tokenizer"), folder.resolve("elsewhere"));
    assertMistake("tokenizer", moved, "--to", "hf");
    assertEquals(0, export(moved, "--to", "npz").exit());
    Files.move(folder.resolve("elsewhere"), folder.resolve("tokenizer"));
  }

  private static void assertMistake(String said, Object... arguments) {
    Outcome outcome = export(arguments);
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains(said), outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }
}
