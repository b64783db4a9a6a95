package dev.palimpsest.cli;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.files.FolderLock;
import dev.palimpsest.files.Json;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a run leaves for people to read: on a narrow terminal, in its log, in its metrics. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("try") // the lock is used by being held
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class ReadableRunTest {
  private static final int COLUMNS = 60;
  private static final String LOGGED =
      "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}(Z|[+-]\\d\\d:\\d\\d) (INFO |WARN |ERROR) .*";

  private Path folder;
  private Path run;
  private Outcome outcome;
  private List<String> log;

  @BeforeAll
  void run(@TempDir Path temporary) throws Exception {
    folder = temporary;
    run = folder.resolve("run");
    Path recipe =
        TinyRecipe.write(
            folder,
            "readable",
            """
            onEnd: {command: [sh, -c, 'env | grep ^PALIMPSEST_ | sort > "$1-$PALIMPSEST_STATE"; echo a-secret', sh, '%s'], timeoutSeconds: 50}
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
              answer: {source: {jsonl: '${run}/data/answer.train.jsonl'}}
            suites:
              heldout:
                tasks:
                  caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: 4, decode: {maxNewTokens: 2}}
            stages:
              - name: a-stage-whose-name-is-longer-than-most-lines
                init: %s
                examples: 64
                resolution: 16
                textTokens: 16
                batchSize: 8
                microBatch: 4
                mixture: {caption: 1, answer: 1}
                optimizer:
                  learningRate: 1e-3
                  schedule: {constant: {}}
                  groups: {vision: {}, connector: {frozen: true}}
                evaluate: {suites: [heldout]}
            """
                .formatted(folder.resolve("told"), TinyRecipe.IMPORT));
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "no script(1) here");
    // A terminal of script(1): standard input and output are one.
    outcome =
        Launched.shell(
                folder,
                Map.of("TERM", "xterm"),
                "script -qec \"stty cols %d; $palimpsest run %s --out %s\" /dev/null </dev/null"
                    .formatted(COLUMNS, recipe, run))
            .finish();
    assertEquals(0, outcome.exit(), outcome.toString());
    log = Files.readAllLines(run.resolve("run.log"));
  }

  @Test
  void theTerminalHasAStatusLineThatIsErasedBeforeOthersAndFits() {
    Pattern status = Pattern.compile("\r\u001b\\[K\u001b\\[\\?7l([^\u001b]*)\u001b\\[\\?7h");
    List<String> lines =
        status.matcher(outcome.out()).results().map(found -> found.group(1)).toList();
    assertFalse(lines.isEmpty(), outcome.out());
    lines.forEach(line -> assertTrue(line.length() <= COLUMNS, line));
    assertTrue(
        lines.stream().anyMatch(line -> line.matches("a-stage.*~.*lines +\\d+% .* loss .*")),
        lines.toString());
    // Nothing else follows a status line before it is erased.
    String rest = status.matcher(outcome.out()).replaceAll("\u0001");
    assertFalse(Pattern.compile("\u0001[^\r\u0001]").matcher(rest).find(), rest);
  }

  @Test
  void theLogHasDatesAndTheLossStaysInIt() {
    log.forEach(line -> assertTrue(line.matches(LOGGED), line));
    assertTrue(
        log.stream()
            .anyMatch(
                line ->
                    line.matches(
                        ".*: 64 of 64 examples \\(100 %\\), loss \\d+\\.\\d{4},"
                            + " .* tokens/s, MFU .* %, .*/s, 0:00:00 left")),
        log.toString());
    assertTrue(log.stream().anyMatch(line -> line.contains("TFLOP/s, measured here")));
    // What the log has, the terminal has too.
    assertTrue(outcome.out().contains(" 64 of 64 examples (100 %), loss "), outcome.out());
  }

  @Test
  void theEndIsInTheLogWithItsReasonAndItsTrace() throws Exception {
    Path ended = folder.resolve("ended");
    Outcome again =
        Launched.start(
                folder,
                Map.of(),
                List.of(
                    "run",
                    folder.resolve("readable.yaml").toString(),
                    "--out",
                    ended.toString(),
                    "--set",
                    "suites.heldout.tasks.caption.source={jsonl: nowhere.jsonl}"))
            .finish();
    assertEquals(2, again.exit());
    String log = Files.readString(ended.resolve("run.log"));
    assertTrue(log.contains("nowhere.jsonl"), log);
    assertTrue(log.contains("\tat dev.palimpsest."), log);
    String told = Files.readString(folder.resolve("told-failed"));
    assertTrue(told.contains("PALIMPSEST_EXIT_CODE=2\n"), told);
    assertTrue(told.contains("PALIMPSEST_WHY=1 mistake:\n"), told);
    assertFalse(again.err().contains("\tat "), again.err());
  }

  @Test
  void thePageNeedsNoNetworkAndEveryPlotIsDrawn() throws Exception {
    Path html = run.resolve("report.html");
    String page = Files.readString(html);
    assertFalse(
        Pattern.compile("(?:src|href)=\"(?!data:|#)").matcher(page).find(), "refers to a file");
    assertTrue(page.contains("<dd>finished<"), "the state");
    assertTrue(page.contains("MIT licence, (c) 2022 Leon Sorokin"));
    for (String size : List.of("1280,900", "390,800")) {
      String dom = Chromium.dom(folder, html, "--window-size=" + size);
      int plots = count(dom, "<figure class=\"card plot\"");
      assertTrue(plots >= 8, plots + " plots");
      assertEquals(plots, count(dom, "data-drawn=\""), () -> body(dom));
      assertFalse(dom.contains("data-errors"), () -> body(dom));
      assertTrue(count(dom, "<figure class=\"card score\"") >= 1, "scores");
      assertTrue(count(dom, "<ol class=\"answers\"") >= 1, "answers");
    }
  }

  private static String body(String dom) {
    return dom.substring(dom.indexOf("<body"));
  }

  @Test
  void aPageComparesRuns() throws Exception {
    Path other = folder.resolve("another");
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.filter(f -> !f.toString().contains("checkpoints")).toList()) {
        Files.copy(file, other.resolve(run.relativize(file)));
      }
    }
    Path recipe = other.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        Files.readString(recipe).replaceFirst("learningRate: 0.001", "learningRate: 0.002"));
    Path html = folder.resolve("comparison.html");
    Outcome written =
        Outcome.of("report", run.toString(), other.toString(), "--out", html.toString());
    assertEquals(0, written.exit(), written.toString());
    String page = Files.readString(html);
    assertFalse(
        Pattern.compile("(?:src|href)=\"(?!data:|#)").matcher(page).find(), "refers to a file");
    assertTrue(page.contains("<td>0.001</td><td>0.002</td>"), "the values that differ");
    String dom = Chromium.dom(folder, html, "--window-size=390,800");
    int plots = count(dom, "<figure class=\"card plot\"");
    assertTrue(plots >= 4, plots + " plots");
    assertEquals(plots, count(dom, "data-drawn=\""));
    assertFalse(dom.contains("data-errors"), () -> body(dom));
  }

  @Test
  void theCommandOfTheRecipeIsRunAtTheEnd() throws Exception {
    String told = Files.readString(folder.resolve("told-finished"));
    assertTrue(told.contains("PALIMPSEST_RUN=" + run.toAbsolutePath() + "\n"), told);
    assertTrue(told.contains("PALIMPSEST_STATE=finished\n"), told);
    assertTrue(told.contains("PALIMPSEST_EXIT_CODE=0\n"), told);
    assertTrue(log.stream().anyMatch(line -> line.endsWith("onEnd: sh is done")), log.toString());
    assertFalse(outcome.out().contains("a-secret"), "its output is not kept");
    assertFalse(log.toString().contains("PALIMPSEST_"), "its arguments are not logged");
  }

  @Test
  void theRunEndsInATable() throws Exception {
    String out = outcome.out().replace("\r", "");
    assertTrue(out.contains("stage "), out);
    assertTrue(
        Pattern.compile(
                "a-stage-whose-name-is-longer-than-most-lines +16px +64 +\\d+\\.\\d{4} +\\d[\\d.k]* +\\d+ s\n")
            .matcher(out)
            .find(),
        out);
    assertTrue(
        Pattern.compile("heldout/caption exact match +\\d\\.\\d{3}\n").matcher(out).find(), out);
    JsonNode nodes = Json.STRICT.readTree(Outcome.of("lineage", run.toString(), "--json").out());
    assertTrue(nodes.size() >= 3, nodes.toString());
    for (JsonNode node : nodes) {
      assertTrue(node.path("id").isTextual() && node.path("parents").isArray(), node.toString());
    }
    Outcome goodput = Outcome.of("goodput", run.toString(), "--json");
    JsonNode json = Json.STRICT.readTree(goodput.out());
    double seconds = 0;
    for (JsonNode part : json.path("seconds")) {
      seconds += part.asDouble();
    }
    assertEquals(json.path("wall").asDouble(), seconds, 0.05 * seconds);
  }

  @Test
  void theTimeOfTheRunIsInItsPage() throws Exception {
    String page = Files.readString(run.resolve("report.html"));
    assertTrue(page.contains("Goodput "), "the goodput");
    assertTrue(count(page, "<rect class=\"bar\" style=\"--hue:") >= 3, "parts of the time");
    Outcome neither = Outcome.of("report", folder.toString());
    assertEquals(2, neither.exit());
    assertTrue(neither.err().contains("neither of a run"), neither.err());
  }

  @Test
  void watchServesThePageUntilASignal() throws Exception {
    Launched watch =
        Launched.start(folder, Map.of(), List.of("watch", run.toString(), "--listen", "0"));
    try {
      String address = "";
      for (int i = 0; i < 600 && !address.endsWith("\n"); i++) {
        Thread.sleep(100);
        address = Files.readString(watch.out());
      }
      assertTrue(
          address.matches("http://127\\.0\\.0\\.1:\\d+/\n"),
          address + Files.readString(watch.err()));
      URI page = URI.create(address.strip());
      HttpClient client = HttpClient.newHttpClient();
      HttpResponse<String> whole = get(client, page);
      assertEquals(200, whole.statusCode());
      assertTrue(whole.body().contains("data-version=\""), "the script that follows the run");
      String version = get(client, page.resolve("version")).body();
      assertTrue(whole.body().contains("data-version=\"" + version + "\""), version);
      assertEquals(404, get(client, page.resolve("recipe.yaml")).statusCode());
      assertEquals(403, statusForHost(page, "other.example"));
      assertEquals(200, statusForHost(page, "localhost:" + page.getPort()));
      String dom = Chromium.dom(folder, page);
      assertEquals(count(dom, "<figure class=\"card plot\""), count(dom, "data-drawn=\""));
      assertTrue(dom.contains("data-live=\"yes\""), () -> body(dom));
      assertFalse(dom.contains("data-errors"), () -> body(dom));
      Path end = run.resolve("end.json");
      Files.setLastModifiedTime(end, FileTime.fromMillis(1));
      String after = version;
      for (int i = 0; i < 300 && after.equals(version); i++) {
        Thread.sleep(100);
        after = get(client, page.resolve("version")).body();
      }
      assertFalse(after.equals(version), "the page is as old as before");
      assertTrue(watch.end("TERM") < 10, "takes long to end");
      assertEquals(0, watch.process().exitValue());
    } finally {
      watch.process().destroyForcibly();
    }
  }

  private static HttpResponse<String> get(HttpClient client, URI address) throws Exception {
    return client.send(
        HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString());
  }

  /** A request whose name for this machine is another. */
  private static int statusForHost(URI address, String host) throws Exception {
    try (Socket socket = new Socket(address.getHost(), address.getPort())) {
      socket
          .getOutputStream()
          .write(
              "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                  .formatted(host)
                  .getBytes(US_ASCII));
      String line =
          new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII)).readLine();
      return Integer.parseInt(line.split(" ")[1]);
    }
  }

  @Test
  void tensorboardReadsWhatTheMetricsSay() throws Exception {
    Path stage = run.resolve("a-stage-whose-name-is-longer-than-most-lines");
    List<String> lines = Files.readAllLines(stage.resolve("metrics.jsonl"));
    try (Stream<Path> files = Files.list(stage.resolve("tensorboard"))) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all.toString());
      assertTrue(all.get(0).getFileName().toString().startsWith("events.out.tfevents."));
      // A record of each line: eight bytes of length, two sums, and the message.
      ByteBuffer in =
          ByteBuffer.wrap(Files.readAllBytes(all.get(0))).order(ByteOrder.LITTLE_ENDIAN);
      int records = 0;
      for (; in.hasRemaining(); records++) {
        in.position(in.position() + 16 + Math.toIntExact(in.getLong(in.position())));
      }
      assertEquals(2 + lines.size(), records);
    }
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }

  @Test
  void statusTellsHowItEnded() throws Exception {
    Outcome listed = Outcome.of("status", folder.toString(), "--json");
    JsonNode first = Json.STRICT.createObjectNode();
    for (JsonNode one : Json.STRICT.readTree(listed.out())) {
      first = one.path("folder").asText().equals(run.toString()) ? one : first;
    }
    assertEquals("finished", first.path("state").asText(), listed.toString());
    assertEquals("readable", first.path("recipe").asText(), listed.toString());
    assertEquals(64, first.path("examples").asLong());
    assertTrue(first.path("bytes").asLong() > 10_000);
    assertTrue(first.path("scores").has("heldout"), listed.out());
    Files.delete(run.resolve("end.json"));
    Path done = run.resolve("a-stage-whose-name-is-longer-than-most-lines/stage.json");
    Path aside = Files.move(done, folder.resolve("aside.json"));
    try {
      assertTrue(Outcome.of("status", run.toString()).out().contains(" killed "));
      try (FolderLock lock = FolderLock.take(run.resolve("run.lock")).orElseThrow()) {
        Outcome running = Outcome.of("status", run.toString());
        assertTrue(running.out().contains(" running "), running.out());
        assertEquals(2, Outcome.of("prune", "--yes", run.toString()).exit());
      }
    } finally {
      Files.move(aside, done);
    }
  }

  @Test
  void pruningKeepsTheNewestCheckpointAndWhatOthersStartFrom() throws Exception {
    Path checkpoints = run.resolve("a-stage-whose-name-is-longer-than-most-lines/checkpoints");
    Path newest = checkpoints.resolve("examples-000000000064");
    Path older = checkpoints.resolve("examples-000000000032");
    Path needed = checkpoints.resolve("examples-000000000048");
    for (Path copy : List.of(older, needed)) {
      Files.createDirectory(copy);
      try (Stream<Path> files = Files.list(newest)) {
        for (Path file : files.toList()) {
          Files.copy(file, copy.resolve(file.getFileName()));
        }
      }
    }
    Path other = Files.createDirectory(folder.resolve("other"));
    String recipe = Files.readString(run.resolve("recipe.yaml"));
    Files.writeString(
        other.resolve("recipe.yaml"),
        recipe.replaceFirst(
            "(?s)init:.*?(\n +examples:)", "init: {checkpoint: '" + needed + "'}$1"));
    Outcome none = Outcome.of("prune", "--dry-run", run.resolve("data").toString());
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("there is no run in this folder"), none.err());
    Outcome dry = Outcome.of("prune", "--dry-run", run.toString());
    assertEquals(0, dry.exit(), dry.toString());
    assertTrue(dry.out().contains(older.toString()) && Files.exists(older), dry.out());
    assertFalse(dry.out().contains(needed.toString()), dry.out());
    Outcome pruned = Outcome.of("prune", "--yes", run.toString());
    assertEquals(0, pruned.exit(), pruned.toString());
    assertFalse(Files.exists(older));
    assertTrue(Files.exists(newest) && Files.exists(needed));
    // The run is still whole: nothing is trained again.
    Outcome again = Outcome.of("lineage", run.toString());
    assertEquals(0, again.exit(), again.toString());
  }

  @Test
  void metricsTellTasksNormsAndSpeed() throws Exception {
    List<JsonNode> lines = new ArrayList<>();
    for (String line :
        Files.readAllLines(
            run.resolve("a-stage-whose-name-is-longer-than-most-lines/metrics.jsonl"))) {
      lines.add(Json.STRICT.readTree(line));
    }
    assertEquals(8, lines.size());
    for (JsonNode line : lines) {
      // The loss is the mean over examples, and each example belongs to one task.
      double loss = 0;
      int examples = 0;
      long supervised = 0;
      for (JsonNode task : line.path("tasks")) {
        loss += task.path("meanLoss").asDouble() * task.path("n").asInt();
        examples += task.path("n").asInt();
        supervised += task.path("supervisedTokens").asLong();
      }
      assertEquals(8, examples);
      assertEquals(line.path("loss").asDouble(), loss / examples, 1e-6); // float32 by example
      assertEquals(line.path("meanSupervisedTokens").asDouble(), supervised / 8.0, 1e-12);
      // The groups' norms make up the whole one; frozen parameters have no gradient.
      JsonNode norms = line.path("gradientNorms");
      assertEquals(2, norms.size());
      assertEquals(
          line.path("gradientNorm").asDouble(),
          Math.hypot(norms.path("vision").asDouble(), norms.path("others").asDouble()),
          1e-12 * line.path("gradientNorm").asDouble()); // sums in float64, in another order
      // Four image tokens (16px, patches of 8) and at most 16 text tokens.
      long tokens = line.path("tokens").asLong();
      assertTrue(tokens > 8 * 5 && tokens <= 8 * 20, line.toString());
      assertEquals(
          tokens / line.path("seconds").asDouble(), line.path("tokensPerSecond").asDouble(), 1e-6);
      assertTrue(line.path("mfu").asDouble() > 0, line.toString());
      assertTrue(line.path("heapBytes").asLong() > 1 << 20, line.toString());
      assertTrue(line.path("time").asText().matches("\\d{4}-.*Z"), line.toString());
    }
  }
}
