package dev.palimpsest.cli.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.Outcome;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Exports in the programs that they are written for: every tensor is loaded, nothing else is, and
 * logits agree with ours. Needs what {@code peers/install.sh} installs, and is skipped without it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@DisabledOnOs(OS.WINDOWS) // where virtual environments look different
class RealLoadersTest {
  private static final Path PEERS = Path.of("..", "peers").toAbsolutePath().normalize();
  private static final Path INSTALLED =
      Path.of(
          Objects.requireNonNullElse(
              System.getenv("PALIMPSEST_PEERS"), PEERS.resolve("installed").toString()));

  private static final long SECONDS = 120;

  private Path folder;
  private DrawnModel drawn;

  @BeforeAll
  void drawModel(@TempDir Path temporary) {
    folder = temporary;
    drawn = DrawnModel.write(folder);
  }

  /** Exports, and has our own logits written. */
  private List<String> export(String layout, String precision, String name) {
    Path out = folder.resolve(name);
    Path logits = folder.resolve(name + ".safetensors");
    Outcome exported =
        Outcome.of(
            "export",
            drawn.training().toString(),
            "--to",
            layout,
            "--precision",
            precision,
            "--out",
            out.toString());
    assertEquals(0, exported.exit(), exported.err());
    Outcome verified =
        Outcome.of(
            "verify-export",
            out.toString(),
            "--against",
            drawn.training().toString(),
            "--logits",
            logits.toString());
    assertEquals(0, verified.exit(), verified.toString());
    return List.of(out.toString(), logits.toString());
  }

  private static void assumeInstalled(Path part, String what) {
    assumeTrue(
        Files.exists(part),
        "%s is not there, so that no export was loaded in %s; peers/install.sh installs it, with a network"
            .formatted(part, what));
  }

  private void run(Path python, Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of(python.toString()));
    line.addAll(command);
    File output = Files.createTempFile(folder, "peer", ".out").toFile();
    ProcessBuilder builder =
        new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(output);
    builder.environment().putAll(environment);
    Process process = builder.start();
    boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
    process.destroyForcibly();
    assumeTrue(ended, line + " takes more than " + SECONDS + " s here, and was given up");
    String said = Files.readString(output.toPath());
    assertEquals(0, process.exitValue(), said);
    assertTrue(said.contains("\"holds\": true"), said);
  }

  @ParameterizedTest
  @CsvSource({"4.44.2, f32", "4.57.6, f32", "5.24.0, f32", "5.24.0, bf16"})
  void transformersLoadsAllOfAnExport(String release, String precision)
      throws IOException, InterruptedException {
    Path python = INSTALLED.resolve("torch/bin/python");
    Path packages = INSTALLED.resolve("transformers-" + release);
    assumeInstalled(python, "transformers " + release);
    assumeInstalled(packages, "transformers " + release);
    List<String> files = export("hf", precision, "hf-" + release + "-" + precision);
    run(
        python,
        Map.of("PYTHONPATH", packages.toString()),
        List.of(PEERS.resolve("transformers_logits.py").toString(), files.get(0), files.get(1)));
  }

  @Test
  void bigVisionAndOpenpiLoadAllOfAnExport() throws IOException, InterruptedException {
    Path python = INSTALLED.resolve("jax/bin/python");
    Path checkout = INSTALLED.resolve("big_vision");
    assumeInstalled(python, "big_vision");
    assumeInstalled(checkout, "big_vision");
    List<String> files = export("npz", "f32", "model.npz");
    run(
        python,
        Map.of("JAX_PLATFORMS", "cpu"),
        List.of(
            PEERS.resolve("big_vision_logits.py").toString(),
            checkout.toString(),
            files.get(0),
            files.get(1)));
  }
}
