package dev.palimpsest.cli.ranks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.Main;
import dev.palimpsest.cli.Mpirun;
import dev.palimpsest.cli.terminal.ThisJvm;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command line under a real {@code mpirun}: processes that train one model together. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(600)
class RanksTest {
  /**
   * Sums of eight gradients in another order differ by 1e-7, which eight steps of Adam at 1e-3
   * hardly multiply.
   */
  private static final double TOLERANCE = 1e-5;

  private static final String FIXED = "ranks.reductionOrder=fixed";
  private static final String OVERLAP = "ranks.overlap=always";

  private Path folder = Path.of("");

  @BeforeAll
  void requireMpirun(@TempDir Path temporary) {
    Mpirun.require();
    folder = temporary.toAbsolutePath();
  }

  private Process start(int ranks, String out, String... sets)
      throws IOException, URISyntaxException {
    return start(ranks, List.of("run", recipe().toString()), options(sets), out);
  }

  private static Path recipe() throws URISyntaxException {
    return Path.of(Objects.requireNonNull(RanksTest.class.getResource("tiny.yaml")).toURI());
  }

  private static List<String> options(String... sets) {
    List<String> options = new ArrayList<>();
    for (String set : sets) {
      options.addAll(List.of("--set", set));
    }
    return options;
  }

  private Process start(int ranks, List<String> command, List<String> options, @Nullable String out)
      throws IOException {
    List<String> all = new ArrayList<>();
    if (ranks > 1) {
      all.addAll(List.of("mpirun", "-np", "" + ranks, "--oversubscribe", "--bind-to", "none"));
      all.addAll(List.of("--allow-run-as-root", "--mca", "mpi_yield_when_idle", "1"));
    }
    return start(all, command, options, out, Map.of());
  }

  private Process start(
      List<String> launcher,
      List<String> command,
      List<String> options,
      String out,
      Map<String, String> environment)
      throws IOException {
    List<String> all = new ArrayList<>(launcher);
    all.addAll(ThisJvm.command(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m")));
    all.add(Main.class.getName());
    all.addAll(command);
    if (out != null) {
      all.addAll(List.of("--out", folder.resolve(out).toString()));
    }
    all.addAll(options);
    ProcessBuilder builder =
        new ProcessBuilder(all)
            .redirectErrorStream(true)
            .redirectOutput(log(out == null ? "bench" : out).toFile());
    builder.environment().putAll(environment);
    return builder.start();
  }

  private Path log(String out) {
    return folder.resolve(out + ".log");
  }

  private void run(int ranks, String out, String... sets) throws Exception {
    Process process = start(ranks, out, sets);
    assertEquals(0, process.waitFor(), Files.readString(log(out)));
  }

  /** A run that several tests compare with; whichever comes first makes it. */
  private String made(int ranks, String... sets) throws Exception {
    String out = "made-%d-%s".formatted(ranks, String.join("-", sets));
    if (!Files.exists(folder.resolve(out))) {
      run(ranks, out, sets);
    }
    return out;
  }

  private List<JsonNode> metrics(String out) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(out).resolve("stage1/metrics.jsonl"))) {
      lines.add(Json.STRICT.readTree(line));
    }
    return lines;
  }

  private double[] losses(String out) throws IOException {
    return metrics(out).stream().mapToDouble(line -> line.path("loss").asDouble()).toArray();
  }

  /** Parameters, moments and everything else that a stage's end consists of. */
  private List<Path> tensors(String out) throws IOException {
    try (Stream<Path> files = Files.list(end(out))) {
      return files.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList();
    }
  }

  /** The stage's last checkpoint. */
  private Path end(String out) throws IOException {
    try (Stream<Path> all = Files.list(folder.resolve(out).resolve("stage1/checkpoints"))) {
      return all.filter(Files::isDirectory).sorted().reduce((a, b) -> b).orElseThrow();
    }
  }

  private void assertSameBits(String a, String b) throws IOException {
    assertArrayEquals(losses(a), losses(b), 0.0, a + " and " + b);
    List<Path> files = tensors(a);
    assertTrue(files.size() >= 3, files.toString());
    for (Path file : files) {
      assertEquals(
          -1, Files.mismatch(file, end(b).resolve(file.getFileName())), file + " and that of " + b);
    }
    assertSameFile(a, b, "stage1/examples.jsonl");
  }

  private void assertSameFile(String a, String b, String name) throws IOException {
    assertEquals(
        -1, Files.mismatch(folder.resolve(a).resolve(name), folder.resolve(b).resolve(name)), name);
  }

  @Test
  void twoRanksTrainAsOneProcessDoes() throws Exception {
    String first = made(1);
    String second = made(2);
    run(2, "again", OVERLAP);
    double[] one = losses(first);
    double[] two = losses(second);
    assertEquals(8, one.length);
    for (int step = 0; step < one.length; step++) {
      assertEquals(one[step], two[step], TOLERANCE * one[step], "step " + step);
    }
    assertTrue(one[7] < one[0], Arrays.toString(one));
    assertSameFile(first, second, "stage1/examples.jsonl");
    assertSameBits(second, "again");
    String overlapping = Files.readString(folder.resolve("again/environment.json"));
    assertTrue(overlapping.contains("\"overlap\" : true"), overlapping);
    String log = Files.readString(log(second));
    assertEquals(1, log.split("report.md", -1).length - 1, "only the first rank reports: " + log);
    String environment = Files.readString(folder.resolve(second).resolve("environment.json"));
    assertTrue(environment.contains("\"ranks\" : 2"), environment);
    assertTrue(environment.contains("\"transport\" : \"Open MPI"), environment);
  }

  /** Without an agreement they would train on other examples, or wait for each other in vain. */
  @Test
  void ranksThatWereStartedWithOtherRecipesAreRefused() throws Exception {
    List<String> launcher =
        new ArrayList<>(List.of("mpirun", "-np", "2", "--oversubscribe", "--bind-to", "none"));
    launcher.addAll(List.of("--allow-run-as-root", "--mca", "mpi_yield_when_idle", "1"));
    String own = "exec \"$@\" --set seed=$OMPI_COMM_WORLD_RANK --set ranks.timeoutSeconds=60";
    launcher.addAll(List.of("bash", "-c", own, "rank"));
    List<String> run = List.of("run", recipe().toString());
    int code = start(launcher, run, List.of(), "other-recipes", Map.of()).waitFor();
    String log = Files.readString(log("other-recipes"));
    assertEquals(2, code, log);
    assertTrue(
        log.contains("rank 1: was not started as rank 0: seed is 1, not 0; start all ranks"), log);
    assertFalse(Files.exists(folder.resolve("other-recipes/stage1")), log);
  }

  @Test
  void withAFixedOrderTheBitsDoNotDependOnTheNumberOfRanks() throws Exception {
    String one = made(1, FIXED);
    run(2, "fixed-2", FIXED, OVERLAP);
    run(4, "fixed-4", FIXED);
    assertSameBits(one, "fixed-2");
    assertSameBits(one, "fixed-4");
    // Evaluations, of three batches: with four ranks one has nothing to do.
    assertEquals(6, scores(one).size(), scores(one).keySet().toString());
    assertEquals(scores(one), scores("fixed-2"));
    assertEquals(scores(one), scores("fixed-4"));
  }

  /** The contents of a run's scores and predictions by name. */
  private Map<String, String> scores(String out) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    Path stage = folder.resolve(out).resolve("stage1");
    for (String of : List.of("scores", "predictions")) {
      try (Stream<Path> files = Files.walk(stage.resolve(of))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          contents.put(
              stage.relativize(file).toString(), Files.readString(file).replace(out, "OUT"));
        }
      }
    }
    return contents;
  }

  @Test
  void theEvalCommandsReportDoesNotDependOnTheNumberOfRanks() throws Exception {
    String judged = made(1);
    Path suite = folder.resolve("suite.yaml");
    Files.writeString(
        suite,
        """
        tasks:
          questions: {source: {jsonl: '%s'}, decode: {maxNewTokens: 3}}
        """
            .formatted(folder.resolve(judged).resolve("data/answer.heldout.jsonl")));
    judge(1, judged, suite);
    // Two ranks find what one that was killed has answered, and use it again.
    Path answered = Path.of("predictions/questions.jsonl");
    Path one = folder.resolve("judged-by-1");
    Path two = folder.resolve("judged-by-2");
    String whole = Files.readString(one.resolve(answered));
    Files.createDirectories(two.resolve("predictions"));
    Files.writeString(two.resolve(answered), whole.substring(0, whole.indexOf('\n') + 20));
    judge(2, judged, suite);
    for (String file : List.of("results.json", "results.md", answered.toString())) {
      assertEquals(Files.readString(one.resolve(file)), Files.readString(two.resolve(file)), file);
    }
    String log = Files.readString(log("judged-by-2"));
    assertEquals(1, log.split("n = ", -1).length - 1, "only the first rank reports: " + log);
  }

  private void judge(int ranks, String judged, Path suite) throws Exception {
    String out = "judged-by-" + ranks;
    Process process =
        start(
            ranks,
            List.of("eval", folder.resolve(judged).toString(), "--suite", suite.toString()),
            List.of("--batch-size", "2"),
            out);
    assertEquals(0, process.waitFor(), Files.readString(log(out)));
  }

  @Test
  void dividingTheOptimizerChangesNoBit() throws Exception {
    String whole = made(2);
    run(2, "divided", OVERLAP, "ranks.sharding=optimizer");
    assertSameBits(whole, "divided");
    assertEquals(
        metrics(whole).stream().map(line -> line.path("parameterNorm")).toList(),
        metrics("divided").stream().map(line -> line.path("parameterNorm")).toList());
  }

  @Test
  void dividingGradientsAndParametersAsWellChangesNoBitInTheFixedOrder() throws Exception {
    // The vision tower is trained on ranks that have no picture in a round as well.
    String one = made(1, FIXED);
    run(2, "divided-gradients", FIXED, OVERLAP, "ranks.sharding=gradients");
    assertSameBits(one, "divided-gradients");
    // Two groups of two, which have the same parts.
    run(4, "in-groups", FIXED, OVERLAP, "ranks.sharding=parameters", "ranks.shardWithin=2");
    assertSameBits(one, "in-groups");
    assertEquals(scores(one), scores("in-groups"));
    run(2, "divided-fast", "ranks.sharding=gradients");
    double[] undivided = losses(one);
    double[] divided = losses("divided-fast");
    for (int step = 0; step < undivided.length; step++) {
      assertEquals(undivided[step], divided[step], TOLERANCE * undivided[step], "step " + step);
    }
  }

  /**
   * The image tower has nearly all parameters, and everything above it is frozen: a rank without a
   * picture would not have to run the decoder backwards, but its parts of the parameters are
   * needed.
   */
  @Test
  void aRankKeepsItsPartOfTheParametersAlone() throws Exception {
    String[] large = {
      "model.vision.width=256",
      "model.vision.mlpWidth=1024",
      "model.vision.depth=4",
      "model.language.width=16",
      "stages.stage1.examples=32",
      "stages.stage1.optimizer.groups={language: {frozen: true}}",
      FIXED
    };
    run(2, "everywhere", large);
    String[] divided = Arrays.copyOf(large, large.length + 1);
    divided[large.length] = "ranks.sharding=parameters";
    run(2, "in-parts", divided);
    assertSameBits("everywhere", "in-parts");
    // 16 bytes a parameter and partial sums in the one case; in the other half of that, and one
    // block's parameters and gradients, a quarter of the tower's.
    double ratio = (double) peak("in-parts") / peak("everywhere");
    assertTrue(ratio < 0.75, "the peak of arrays is %.2f times as large".formatted(ratio));
  }

  /** The most memory that arrays took in the first two steps, before the first save. */
  private long peak(String out) throws IOException {
    return metrics(out).stream()
        .limit(2)
        .mapToLong(line -> line.path("arrayBytes").asLong())
        .max()
        .orElse(0);
  }

  @Test
  void aSignalToOneRankStopsAllAfterTheSameStepAndOtherNumbersOfRanksGoOn() throws Exception {
    String[] longer = {FIXED, "ranks.sharding=parameters", "stages.stage1.examples=320"};
    Process process = start(2, "stopped", longer);
    awaitStep("stopped");
    // The second rank: a child of mpirun.
    long second = process.descendants().mapToLong(ProcessHandle::pid).max().orElseThrow();
    new ProcessBuilder("kill", "-TERM", Long.toString(second)).start().waitFor();
    assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    String log = Files.readString(log("stopped"));
    assertEquals(75, process.exitValue(), log);
    assertTrue(log.contains("saved; run the same command to resume"), log);
    assertTrue(metrics("stopped").size() < 40, log);
    assertFalse(Files.exists(folder.resolve("stopped/ranks/stuck")));

    run(1, "stopped", longer);
    run(1, "undisturbed", longer);
    assertEquals(40, metrics("stopped").size());
    assertSameBits("undisturbed", "stopped");
  }

  private void awaitStep(String out) throws Exception {
    Path metrics = folder.resolve(out).resolve("stage1/metrics.jsonl");
    for (int i = 0; i < 10_000 && !(Files.exists(metrics) && Files.size(metrics) > 0); i++) {
      Thread.sleep(50);
    }
    assertTrue(Files.size(metrics) > 0, Files.readString(log(out)));
  }

  /** Speed on a shared machine is nothing that a test can hold: only that it is measured. */
  @Test
  void theGainOfTwoRanksIsMeasuredInOneRun() throws Exception {
    Path json = folder.resolve("gain.json");
    List<String> words =
        List.of("bench ranks --config tiny --steps 2 --threads 1 --overlap always".split(" "));
    Process process = start(2, words, List.of("--json", json.toString()), null);
    assertEquals(0, process.waitFor(), Files.readString(log("bench")));
    JsonNode figures = Json.STRICT.readTree(Files.readString(json));
    assertEquals(2, figures.path("ranks").asInt());
    assertEquals(
        figures.path("share").asDouble(),
        figures.path("alone").asDouble() / figures.path("together").asDouble(),
        1e-9);
    assertTrue(figures.path("alone").asDouble() > 0, figures.toString());
  }

  // ---- NCCL's interface, over the computer's own memory

  private Map<String, String> ncclOnHost() throws Exception {
    Path library = folder.resolve("libnccl_on_host.so");
    if (!Files.exists(library)) {
      assumeTrue(
          Mpirun.isOnPath("cc"), "no C compiler here (Debian: apt-get install gcc libc6-dev)");
      Path source =
          Path.of("../model/src/test/resources/dev/palimpsest/model/ranks/nccl_on_host.c");
      List<String> cc = new ArrayList<>(List.of("cc", "-shared", "-fPIC", "-O2", "-pthread"));
      cc.addAll(List.of("-ffp-contract=off", "-o", library.toString(), source.toString(), "-lrt"));
      assertEquals(0, new ProcessBuilder(cc).inheritIO().start().waitFor());
    }
    return Map.of(
        "PALIMPSEST_COLLECTIVES", "nccl",
        "PALIMPSEST_NCCL", library.toString(),
        "PALIMPSEST_CUDART", library.toString());
  }

  /** Starts processes that find each other without mpirun, as those with GPUs do. */
  private int launch(String out, Map<String, String> more, String... sets) throws Exception {
    Map<String, String> environment = new HashMap<>(ncclOnHost());
    environment.putAll(more);
    List<String> command = List.of("launch", recipe().toString(), "--to", "local");
    List<String> options = new ArrayList<>(options(sets));
    options.addAll(List.of("--gpus-per-node", "2"));
    return start(List.of(), command, options, out, environment).waitFor();
  }

  @Test
  void ranksThatNcclConnectsGiveTheBitsOfMpi() throws Exception {
    String mpi = made(2);
    assertEquals(0, launch("by-nccl", Map.of()), Files.readString(log("by-nccl")));
    assertSameBits(mpi, "by-nccl");
    String environment = Files.readString(folder.resolve("by-nccl/environment.json"));
    assertTrue(environment.contains("\"transport\" : \"NCCL 2.23.4\""), environment);
  }

  @Test
  void theFixedOrderHasItsBitsThroughNcclToo() throws Exception {
    int code = launch("nccl-in-order", Map.of(), FIXED, OVERLAP, "ranks.sharding=parameters");
    assertEquals(0, code, Files.readString(log("nccl-in-order")));
    assertSameBits(made(1, FIXED), "nccl-in-order");
  }

  @Test
  void aConnectionThatBreaksEndsTheRunForItsInfrastructure() throws Exception {
    int code = launch("broken", Map.of("HOST_NCCL_BREAK", "60"));
    String log = Files.readString(log("broken"));
    assertEquals(76, code, log);
    assertTrue(
        log.matches(
            "(?s).*rank [01] of 2: .* failed: remote process exited or there was a network error.*"),
        log);
  }
}
