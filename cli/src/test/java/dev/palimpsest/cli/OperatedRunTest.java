package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.cli.operating.ProcessState;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.goodput.Goodput;
import dev.palimpsest.stages.goodput.Goodput.Use;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A run in a process of its own, watched as an operator would, killed, and resumed. */
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class OperatedRunTest {
  private static final Pattern ADDRESS = Pattern.compile("metrics: (http://\\S+)/metrics");

  @TempDir Path folder;

  private Path recipe(int examples) throws IOException {
    return TinyRecipe.write(
        folder,
        "tiny",
        """
        tasks:
          caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
        stages:
          - name: stage1
            init: %s
            examples: %d
            resolution: 16
            textTokens: 16
            batchSize: 4
            mixture: {caption: 1}
            optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
            checkpoint: {everyExamples: 1000}
            export: {formats: []}
        """
            .formatted(TinyRecipe.IMPORT, examples));
  }

  private Launched start(Path recipe, Path run) throws IOException {
    return Launched.start(
        folder,
        Map.of(),
        List.of("run", recipe.toString(), "--out", run.toString(), "--metrics", "0"));
  }

  private static void await(Launched launched, Condition condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < deadline, Files.readString(launched.err()));
      assertTrue(launched.process().isAlive(), Files.readString(launched.err()));
      Thread.sleep(20);
    }
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static long steps(Path run) throws IOException {
    Path metrics = run.resolve("stage1/metrics.jsonl");
    return Files.exists(metrics) ? Files.readAllLines(metrics).size() : 0;
  }

  private static String get(Launched launched, String path) throws Exception {
    Matcher m = ADDRESS.matcher(Files.readString(launched.err()));
    assertTrue(m.find(), Files.readString(launched.err()));
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(m.group(1) + path)).build(),
                HttpResponse.BodyHandlers.ofString());
    assertEquals(200, response.statusCode(), response.body());
    return response.body();
  }

  @Test
  void everySecondIsAccountedForAcrossAKillAndAResume() throws Exception {
    Path recipe = recipe(2400);
    Path run = folder.resolve("run");
    long began = System.nanoTime();
    Launched first = start(recipe, run);
    // Work is lost only where the ledger has booked steps since the last checkpoint: it writes one
    // line a second, in which a fast machine takes hundreds of steps.
    Path ledger = run.resolve("goodput.jsonl");
    await(first, () -> !RunFolder.keptLines(ledger, "examples", n -> n > 1000).isEmpty());
    new ProcessBuilder("kill", "-9", Long.toString(first.process().pid())).start().waitFor();
    assertTrue(first.process().waitFor(60, TimeUnit.SECONDS));
    Thread.sleep(1500); // nobody notices for a while
    Launched second = start(recipe, run);
    Outcome done = second.finish();
    double wall = (System.nanoTime() - began) / 1e9;
    assertEquals(0, done.exit(), done.err());

    Goodput goodput = Goodput.read(ledger);
    double sum = goodput.seconds().values().stream().mapToDouble(Double::doubleValue).sum();
    assertEquals(goodput.wall(), sum, 1e-3 * wall);
    // What it cannot see is the launcher script before the first JVM and the last one's end.
    assertEquals(wall, sum, 0.01 * wall + 1.5, goodput.toString());
    assertEquals(2, goodput.processes());
    assertTrue(goodput.seconds().getOrDefault(Use.LOST, 0.0) > 0, goodput.toString());
    assertTrue(goodput.seconds().getOrDefault(Use.RESTART, 0.0) > 1.5, goodput.toString());
    assertTrue(goodput.seconds().getOrDefault(Use.COMPUTE, 0.0) > 0, goodput.toString());
    assertTrue(done.err().contains("goodput "), done.err());
    assertTrue(done.err().contains(" lost work"), done.err());
    assertEquals("done", ProcessState.read(run.resolve("processes")).get(0).state());
  }

  @Test
  void prometheusCanReadARunAndProbesCanAskIt() throws Exception {
    Path run = folder.resolve("run");
    Launched launched = start(recipe(400_000), run);
    await(launched, () -> steps(run) > 5);
    String health = get(launched, "/healthz");
    assertTrue(health.startsWith("ok: "), health);
    assertTrue(health.contains(" in stage1, "), health);
    String metrics = get(launched, "/metrics");
    for (String name :
        List.of(
            "palimpsest_info{",
            "palimpsest_loss{stage=\"stage1\"} ",
            "palimpsest_examples_total{stage=\"stage1\"} ",
            "palimpsest_activity_seconds_total{activity=\"compute\"} ",
            "palimpsest_step_seconds_bucket{stage=\"stage1\",le=\"0.01\"} ")) {
      assertTrue(metrics.contains(name), name + " in " + metrics);
    }
    assertEquals("running", ProcessState.read(run.resolve("processes")).get(0).state());
    launched.end("USR1"); // as mpirun and srun pass it on
    assertEquals(75, launched.finish().exit());
    ProcessState.Read state = ProcessState.read(run.resolve("processes")).get(0);
    assertEquals("stopped", state.state());
    assertTrue(state.doing().contains("saved; run the same command"), state.doing());
    checkedByPrometheus(metrics);
  }

  /**
   * The launcher asks mpirun in the one way in which it asks its ranks, and waits for their saves.
   */
  @Test
  void ranksThatLaunchStartedStopTogether() throws Exception {
    assumeTrue(found("mpirun", "--version"), "mpirun is not installed");
    Path run = folder.resolve("run");
    Launched launched =
        Launched.start(
            folder,
            Map.of(),
            List.of(
                "launch",
                recipe(400_000).toString(),
                "--out",
                run.toString(),
                "--to",
                "local",
                "--processes",
                "2",
                "--set",
                "stages.stage1.microBatch=2"));
    await(launched, () -> steps(run) > 5);
    launched.end("TERM");
    Outcome stopped = launched.finish();
    assertEquals(75, stopped.exit(), stopped.err());
    List<ProcessState.Read> states = ProcessState.read(run.resolve("processes"));
    assertEquals(List.of(0, 1), states.stream().map(ProcessState.Read::rank).toList());
    assertEquals(
        List.of("stopped", "stopped"), states.stream().map(ProcessState.Read::state).toList());
  }

  private static boolean found(String... command) throws InterruptedException {
    try {
      return new ProcessBuilder(command).start().waitFor() == 0;
    } catch (IOException absent) {
      return false;
    }
  }

  /** With Prometheus' own parser, where it is installed. */
  private static void checkedByPrometheus(String metrics) throws Exception {
    Process promtool;
    try {
      promtool =
          new ProcessBuilder("promtool", "check", "metrics").redirectErrorStream(true).start();
    } catch (IOException absent) {
      return;
    }
    promtool.outputWriter(StandardCharsets.UTF_8).append(metrics).close();
    String said = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, promtool.waitFor(), said);
  }
}
