package dev.palimpsest.cli.certify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CertifyCommandTest {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"model", "positions", "optimizer", "sequences", "schedules"})
  void thisProgramHoldsEveryKindOfCaseUnderAnyName(String kind) throws IOException {
    Path copy = copy(kind, "renamed");
    Outcome outcome = certify(copy);
    assertEquals(0, outcome.exit(), outcome.out());
    assertTrue(outcome.out().contains("all hold"), outcome.out());
  }

  /** The reference data of the module whose numbers they are. */
  @ParameterizedTest
  @ValueSource(strings = {"boxes", "masks", "tokenizer"})
  void codecsAndVocabulariesHold(String kind) {
    Path folder = Path.of("..", "mixtures", "src", "test", "resources", "golden", kind);
    Outcome outcome = certify(folder);
    assertEquals(0, outcome.exit(), outcome.out() + outcome.err());
    assertTrue(outcome.out().contains("all hold"), outcome.out());
  }

  @Test
  void metricsHoldAndAChangedValueFails() throws IOException {
    Path golden = Path.of("..", "eval", "src", "test", "resources", "metrics");
    Outcome outcome = certify(golden);
    assertEquals(0, outcome.exit(), outcome.out() + outcome.err());
    assertTrue(line(outcome, "vqa:vlmevalkit acc ").contains("pass"), outcome.out());
    Path changed = Files.createDirectory(folder.resolve("changed-metrics"));
    Files.writeString(
        changed.resolve("anls.json"),
        Files.readString(golden.resolve("anls.json")).replaceFirst("0\\.8\\b", "0.7"));
    assertEquals(1, certify(changed).exit());
  }

  @Test
  void oneChangedWeightFailsTheModelCase() throws IOException {
    Path copy = copy("model", "changed");
    overwriteLastFloat(copy.resolve("model.safetensors"));
    Outcome outcome = certify(copy);
    assertEquals(1, outcome.exit(), outcome.out());
    // The weight is the final norm's: what lies before it is untouched.
    assertTrue(line(outcome, "llm.layer.1").contains("pass"), outcome.out());
    assertTrue(line(outcome, "llm.final_norm").contains("FAIL"), outcome.out());
    assertTrue(line(outcome, "bv_params.npz -> parameters").contains("FAIL"), outcome.out());
  }

  @Test
  void oneChangedMomentFailsTheOptimizerCase() throws IOException {
    Path copy = copy("optimizer", "changed");
    overwriteLastFloat(copy.resolve("steps.safetensors"));
    assertEquals(1, certify(copy).exit());
  }

  @Test
  void oneChangedTokenFailsTheSequenceCase() throws IOException {
    Path copy = copy("sequences", "changed");
    Path file = copy.resolve("sequences.json");
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    var text = (com.fasterxml.jackson.databind.node.ArrayNode) json.at("/cases/0/train/text");
    text.set(1, text.get(1).asInt() + 1);
    Files.writeString(file, json.toString());
    assertEquals(1, certify(copy).exit());
  }

  @Test
  void whatACaseDoesNotHoldIsSaidNotFailed() throws IOException {
    Path copy = copy("model", "less");
    Files.delete(copy.resolve("bv_params.npz"));
    Files.delete(copy.resolve("adamw_step1.safetensors"));
    Outcome outcome = certify(copy);
    assertEquals(0, outcome.exit(), outcome.out());
    assertTrue(outcome.out().contains("less: not run, absent: *.npz"), outcome.out());
    assertTrue(
        outcome.out().contains("less: not run, absent: adamw_step1.safetensors"), outcome.out());
  }

  @Test
  void aCaseInWhichNothingCanBeComparedFails() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    Files.writeString(empty.resolve("attn_masks.json"), "[]");
    Outcome outcome = certify(empty);
    assertEquals(1, outcome.exit());
    assertTrue(outcome.out().contains("nothing could be compared"), outcome.out());
  }

  @Test
  void anUnknownFolderIsAMistakeOfUseAndTheKnownKindsAreNamed() throws IOException {
    Path unknown = Files.createDirectory(folder.resolve("unknown"));
    Outcome outcome = certify(unknown);
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("posemb.safetensors"), outcome.err());
    assertFalse(outcome.out().contains("pass"), outcome.out());
  }

  @Test
  void theTableIsWrittenAsJsonToo() throws IOException {
    Path file = folder.resolve("table.json");
    certify(copy("positions", "case"), Path.of("--json"), file);
    JsonNode table = new ObjectMapper().readTree(file.toFile());
    assertTrue(table.get("holds").asBoolean());
    JsonNode check = table.get("checks").get(0);
    assertEquals("case", check.get("case").asText());
    assertEquals(1e-5, check.get("tolerance").asDouble());
    assertTrue(check.get("error").asDouble() <= 1e-5);
  }

  private record Outcome(int exit, String out, String err) {}

  private static Outcome certify(Path... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        new CommandLine(new CertifyCommand())
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(Stream.of(args).map(Path::toString).toArray(String[]::new));
    return new Outcome(exit, out.toString(), err.toString());
  }

  private static String line(Outcome outcome, String quantity) {
    return outcome.out().lines().filter(l -> l.contains(quantity)).findFirst().orElseThrow();
  }

  private Path copy(String kind, String name) throws IOException {
    Path target = Files.createDirectory(folder.resolve(name));
    URL source = Objects.requireNonNull(CertifyCommandTest.class.getResource(kind));
    try (Stream<Path> files = Files.list(Path.of(source.toURI()))) {
      List<Path> all = files.toList();
      for (Path file : all) {
        Files.copy(file, target.resolve(file.getFileName().toString()));
      }
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
    return target;
  }

  private static void overwriteLastFloat(Path file) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(bytes.length() - 4);
      bytes.writeInt(Integer.reverseBytes(Float.floatToRawIntBits(0.7f)));
    }
  }
}
