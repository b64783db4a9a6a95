package dev.palimpsest.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.Launched;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.Signals;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code bench all} as users start it, and the table that it writes. */
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class BenchAllCommandTest {
  private static final List<String> TINY =
      List.of(
          "bench", "all", "--only", "step", "--configs", "tiny", "--steps", "1", "--threads", "1");

  @TempDir Path folder = Path.of("");

  private Launched start(Path peers, String... more) throws IOException {
    return Launched.start(
        folder,
        Map.of("PALIMPSEST_PEERS", peers.toString()),
        Stream.concat(TINY.stream(), Stream.of(more)).toList());
  }

  /** The rows of the table whose header begins so, as cells by the names in the header. */
  private static List<List<String>> table(String markdown, String header) {
    return markdown
        .lines()
        .dropWhile(line -> !line.startsWith(header))
        .takeWhile(line -> line.startsWith("|"))
        .filter(line -> !line.startsWith("|--"))
        .map(line -> Arrays.stream(line.split("\\|")).skip(1).map(String::strip).toList())
        .toList();
  }

  private static String cell(List<List<String>> table, int row, String column) {
    return table.get(row).get(table.get(0).indexOf(column));
  }

  private static double number(List<List<String>> table, int row, String column) {
    return Double.parseDouble(cell(table, row, column).replaceAll("[ %x]", ""));
  }

  /** A program in place of Python, which knows nothing but what it is to say. */
  private Path peer(String probe, String eager, String compiled) throws IOException {
    Path python = folder.resolve("peers/step/bin/python");
    Files.createDirectories(Objects.requireNonNull(python.getParent()));
    Files.writeString(
        python,
        """
        #!/usr/bin/env bash
        case " $* " in
          *" --probe "*) echo '%s'; exit ;;
        esac
        [ -z "${MALLOC_TRIM_THRESHOLD_:-}${GOMP_SPINCOUNT:-}" ] || { echo 'MemoryError: not its own' >&2; exit 1; }
        compile=no
        while [ $# -gt 0 ]; do
          [ "$1" = --json ] && json="$2"
          [ "$1" = --language ] && language="$2"
          [ "$1" = --compile ] && compile=yes
          shift
        done
        [ "$language" = 512,96,2,384,4,1,24 ] || exit 4
        if [ $compile = no ]; then %s; else %s; fi
        """
            .formatted(probe, eager, compiled));
    assertTrue(python.toFile().setExecutable(true));
    return folder.resolve("peers");
  }

  private static String figures(double seconds, double mebibytes) {
    return "echo '{\"secondsPerStep\": %s, \"gigaflopPerStep\": %s, \"peakMemoryBytes\": %.0f}' > \"$json\""
        .formatted(seconds, StepSizes.TINY.flopsPerStep() / 1e9, mebibytes * (1 << 20));
  }

  private static String probed(String cannotCompile) {
    return "{\"torch\": \"9.8.7\", \"cannotCompile\": %s, \"pillowAndNumpy\": false}"
        .formatted(cannotCompile);
  }

  @Test
  void theTableGoesBetweenItsMarksAndComparesUsWithTheFasterPeer() throws Exception {
    Path numbers = folder.resolve("numbers.md");
    Files.writeString(
        numbers, "# Before\n\n" + MarkedFile.BEGIN + "\nold\n" + MarkedFile.END + "\n\nAfter\n");
    Path json = folder.resolve("figures.json");
    Path peers = peer(probed("null"), figures(2000, 1024), figures(1000, 2048));
    Outcome outcome = start(peers, "--out", numbers.toString(), "--json", json.toString()).finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    assertTrue(
        outcome.err().contains("[6/6] step, tiny, bf16, PyTorch compiled: 1000 s a step"),
        outcome.err());

    String written = Files.readString(numbers);
    assertEquals(
        "# Before\n\n" + MarkedFile.BEGIN + "\n" + outcome.out() + MarkedFile.END + "\n\nAfter\n",
        written);
    List<List<String>> machine = table(written, "| `bench all` |");
    List<String> names = machine.stream().map(row -> row.get(0)).toList();
    assertTrue(
        names.containsAll(
            List.of("date", "machine", "matrix instructions for bf16", "versions", "commit")),
        written);
    assertEquals(List.of("peer", "PyTorch 9.8.7"), machine.get(names.indexOf("peer")));
    assertTrue(machine.get(names.indexOf("versions")).get(1).contains("PyTorch 2."), written);

    List<List<String>> steps = table(written, "| step |");
    assertEquals(3, steps.size(), written);
    assertEquals(List.of("tiny", "f32"), steps.get(1).subList(0, 2));
    assertEquals(List.of("tiny", "bf16"), steps.get(2).subList(0, 2));
    JsonNode all = Json.STRICT.readTree(Files.readString(json));
    for (int row = 1; row <= 2; row++) {
      JsonNode ours = all.get("step/tiny/" + steps.get(row).get(1) + "/ours");
      double seconds = ours.get("secondsPerStep").asDouble();
      assertEquals(seconds, number(steps, row, "seconds"), 0.006 * seconds + 6e-4, written);
      assertEquals(1000 / seconds, number(steps, row, "faster by"), 0.006, written);
      assertTrue(number(steps, row, "GEMM peak, GFLOP/s") > 0, written);
      assertEquals("2000", cell(steps, row, "PyTorch eager, s"));
      assertEquals("1000", cell(steps, row, "compiled, s"));
      // Where the system tells our own memory, the share is that of the faster peer's 2 GiB.
      if (ours.has("peakMemoryBytes")) {
        assertEquals(
            ours.get("peakMemoryBytes").asDouble() / (2L << 30),
            number(steps, row, "memory"),
            0.006);
      }
    }
  }

  @Test
  void aPartThatFailsIsARowThatSaysSo() throws Exception {
    Path numbers = folder.resolve("numbers.md");
    Path peers =
        peer(
            probed("null"),
            figures(1, 1),
            "printf 'Traceback:\\nValueError: out of | luck\\nand a hint\\n' >&2; exit 3");
    Outcome outcome = start(peers, "--precision", "f32", "--out", numbers.toString()).finish();
    assertEquals(1, outcome.exit(), outcome.toString());
    String written = Files.readString(numbers);
    List<List<String>> steps = table(written, "| step |");
    assertTrue(number(steps, 1, "seconds") > 0, written);
    assertEquals("1.00", cell(steps, 1, "PyTorch eager, s"));
    assertEquals("failed", cell(steps, 1, "compiled, s"));
    assertTrue(
        written.contains("tiny, f32, compiled: failed, exit code 3: ValueError: out of \\| luck"),
        written);
  }

  @Test
  void aPeerThatCountsOtherwiseIsNotComparedAndWithoutACompilerTheTableSaysSo() throws Exception {
    Path peers =
        peer(
            probed("\"it needs g++\""),
            "echo '{\"secondsPerStep\": 1, \"gigaflopPerStep\": 1}' > $json",
            ":");
    Outcome outcome = start(peers, "--precision", "f32").finish();
    assertEquals(1, outcome.exit(), outcome.toString());
    assertTrue(
        outcome.out().contains("the peer counts 1.000 GFLOP a step, we count "), outcome.out());
    assertTrue(
        outcome.out().contains("Compiled PyTorch was not measured: it needs g++."), outcome.out());
    assertEquals("–", cell(table(outcome.out(), "| step |"), 1, "faster by"));
  }

  @Test
  void withoutPyTorchTheTableSaysHowToGetItAndHasTheOtherParts() throws Exception {
    Outcome outcome =
        start(folder.resolve("nowhere"), "--precision", "f32", "--only", "eval,checkpoint")
            .finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    assertTrue(outcome.out().contains("PyTorch was not measured: there is no PyTorch in "));
    assertTrue(outcome.out().contains("peers/torch.sh"), outcome.out());
    assertEquals("–", cell(table(outcome.out(), "| step |"), 1, "faster by"));
    List<List<String>> decoding = table(outcome.out(), "| decoding |");
    assertEquals(List.of("tiny", "f32", "8"), decoding.get(1).subList(0, 3));
    assertTrue(number(decoding, 1, "decoded tokens/s") > 0, outcome.out());
    List<List<String>> checkpoint = table(outcome.out(), "| checkpoint |");
    assertEquals(
        List.of("import", "verify", "read", "write"),
        checkpoint.stream().skip(1).limit(4).map(row -> row.get(0)).toList());
    assertTrue(number(checkpoint, 1, "share of a copy's rate") > 0, outcome.out());
  }

  @Test
  void aSignalEndsWhatIsBeingMeasured() throws Exception {
    Signals.assumeHeard(2);
    Path peers =
        peer(probed("null"), "echo started > " + folder.resolve("started") + "; sleep 600", ":");
    Launched launched = start(peers, "--precision", "f32");
    for (int i = 0;
        launched.process().isAlive() && i < 1800 && !Files.exists(folder.resolve("started"));
        i++) {
      Thread.sleep(100);
    }
    assertTrue(Files.exists(folder.resolve("started")), Files.readString(launched.err()));
    List<ProcessHandle> children = new ArrayList<>(launched.process().descendants().toList());
    assertTrue(!children.isEmpty());
    launched.end("INT");
    assertEquals(128 + 2, launched.process().exitValue());
    for (ProcessHandle child : children) {
      child.onExit().get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void mistakesAreToldBeforeAnythingIsMeasured() throws IOException {
    Path other = Files.writeString(folder.resolve("other.md"), "no marks\n");
    Path none = folder.resolve("no/such.md");
    for (Path file : List.of(other, none)) {
      Outcome outcome = Outcome.of("bench", "all", "--configs", "tiny", "--out", file.toString());
      assertEquals(2, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.err().contains(file.equals(other) ? "no place for the table" : "existing folder"),
          outcome.err());
    }
    assertMistake("--config must be tiny, small or a YAML file", "--configs", "huge");
    assertMistake("--steps must be 1 or more", "--configs", "tiny", "--steps", "0");
    assertMistake("--threads must be 1 or more", "--configs", "tiny", "--threads", "0");
    assertMistake("Invalid value for option '--only'", "--configs", "tiny", "--only", "steps");
    assertMistake(
        "--python: /no/such/python cannot be run",
        "--configs",
        "tiny",
        "--python",
        "/no/such/python");
    assertEquals("no marks\n", Files.readString(other));
  }

  private static void assertMistake(String why, String... arguments) {
    Outcome outcome =
        Outcome.of(
            Stream.concat(Stream.of("bench", "all", "--out", "-"), Stream.of(arguments))
                .toArray(String[]::new));
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.err().contains(why), outcome.err());
  }

  /** With what {@code peers/torch.sh} installs. */
  @Test
  void theRealPeerDoesTheSameOperations() throws Exception {
    Path peers =
        Path.of(
            Objects.requireNonNullElse(
                System.getenv("PALIMPSEST_PEERS"),
                Path.of("../peers/installed").toAbsolutePath().normalize().toString()));
    assumeTrue(
        Files.exists(peers.resolve("step/bin/python")),
        "PyTorch is not there to compare with; peers/torch.sh installs it, with a network");
    // A compiler may be missing, and translation takes a minute.
    Path python = folder.resolve("python");
    Files.writeString(
        python,
        "#!/usr/bin/env bash\nCXX=/no/such/compiler exec %s/step/bin/python \"$@\"\n"
            .formatted(peers));
    assertTrue(python.toFile().setExecutable(true));
    Outcome outcome = start(peers, "--python", python.toString()).finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    List<List<String>> steps = table(outcome.out(), "| step |");
    for (int row = 1; row <= 2; row++) {
      assertTrue(number(steps, row, "PyTorch eager, s") > 0, outcome.out());
      assertTrue(number(steps, row, "faster by") > 0, outcome.out());
    }
    assertTrue(outcome.out().contains("needs the compiler /no/such/compiler"), outcome.out());
  }

  @Test
  void picturesAreComparedWithPillowWhereItWasMeasured() throws IOException {
    JsonNode figures =
        Json.STRICT.readTree(
            """
            {"pictures": 64, "lines": [
              {"resolution": 224, "threads": 1, "jdk": 300.0, "libjpegTurbo": 450.0, "pillow": 150.0},
              {"resolution": 448, "threads": 2, "jdk": 50.0}]}
            """);
    String text =
        new BenchTable(
                Map.of(BenchTable.DATA, new Measured(figures, "")),
                Measured.failed("no doctor"),
                1,
                1)
            .markdown(LocalDate.of(2026, 1, 2), 3, Map.of(), List.of(Precision.F32), null);
    List<List<String>> pictures = table(text, "| pixels |");
    assertEquals(List.of("224", "1", "300 (2.00x)", "450 (3.00x)", "150"), pictures.get(1));
    assertEquals(List.of("448", "2", "50.0", "–", "–"), pictures.get(2));
    assertTrue(text.contains("| machine | unknown: no doctor |"), text);
    assertTrue(text.contains("Pillow was not measured: "), text);
  }

  @Test
  void matrixInstructionsAreReadFromTheFlags() {
    assertEquals(
        "amx_bf16, avx512_bf16",
        BenchTable.bf16Instructions("amx_bf16 amx_tile avx avx512_bf16 fma"));
    assertEquals("avx512_bf16", BenchTable.bf16Instructions("avx avx512_bf16 avx512f"));
    assertEquals("bf16", BenchTable.bf16Instructions("asimd bf16 i8mm"));
    assertEquals("none", BenchTable.bf16Instructions("avx avx512_vnni"));
    assertEquals("none", BenchTable.bf16Instructions(""));
  }

  @Test
  void numbersHaveThreeFigures() {
    assertEquals("0.079", BenchTable.number(0.0786));
    assertEquals("1.00", BenchTable.number(0.9999));
    assertEquals("9.99", BenchTable.number(9.99));
    assertEquals("10.0", BenchTable.number(9.996));
    assertEquals("1234", BenchTable.number(1234.4));
    assertEquals("–", BenchTable.number(Double.NaN));
  }
}
