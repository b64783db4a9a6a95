package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.palimpsest.cli.engines.SparseEngine;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/**
 * Every command through the launcher, as users start it, on tiny inputs: what it has to say is on
 * the process's standard output.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@DisabledOnOs(OS.WINDOWS) // the launcher is a shell script
class EveryCommandTest {
  private static final int AT_ONCE = 2;

  /** Where something stands in what {@code --json} prints, by command. */
  private static final Map<String, String> JSON =
      Map.ofEntries(
          Map.entry("run", "/stages/0/scores/after/heldout/tasks/caption"),
          Map.entry("ablate", "/variants/1/mean"),
          Map.entry("goodput", "/wall"),
          Map.entry("plan", "/stages/0/name"),
          Map.entry("status", "/0/loss"),
          Map.entry("prune", "/bytes"),
          Map.entry("mixture", "/stages/0/tasks/0/drawn"),
          Map.entry("dedup", "/pools/0/examples"),
          Map.entry("chaos", "/comparison/bitsDiffering"),
          Map.entry("predict", "/answer"),
          Map.entry("lineage", "/0/id"),
          Map.entry("lineage diff", "/0"),
          Map.entry("reproduce", "/commands/1"),
          Map.entry("replay", "/examples/0/sameBits"),
          Map.entry("eval", "/tasks/0/rows/0/values"),
          Map.entry("verify-export", "/checks/0"),
          Map.entry("tasks list", "/tasks/0/name"),
          Map.entry("tasks show", "/task/name"),
          Map.entry("inspect", "/examples/0/tokens/1/losses/0"),
          Map.entry("score", "/scores/0/value"),
          Map.entry("certify", "/checks/0/holds"),
          Map.entry("bench all", "/machine"),
          Map.entry("bench step", "/shareOfGemmPeak"),
          Map.entry("bench ranks", "/together"),
          Map.entry("bench data", "/lines/0/jdk"),
          Map.entry("bench eval", "/answersPerSecond"),
          Map.entry("bench soak", "/0/residentBytes"),
          Map.entry("bench checkpoint", "/operations/export npz f32/seconds"),
          Map.entry("doctor", "/java/version"));

  /** Anything beside one value is refused. */
  private static final JsonMapper WHOLE =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final Map<String, Case> cases = new LinkedHashMap<>();
  private final Map<String, Outcome> outcomes = new LinkedHashMap<>();

  /**
   * A command with tiny inputs.
   *
   * @param said what is expected on standard output
   */
  private record Case(List<String> arguments, String said) {}

  @BeforeAll
  void launchAll(@TempDir Path folder) throws Exception {
    DrawnModel drawn = DrawnModel.write(folder.resolve("drawn"));
    Path recipe =
        TinyRecipe.write(
            folder,
            "tiny",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            suites:
              heldout:
                tasks:
                  caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}, limit: 2, decode: {maxNewTokens: 2}}
            stages:
              - name: stage1
                init: %s
                examples: 32
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                taskPrefix: false
                evaluate: {suites: [heldout]}
                guard: {spike: note, window: 3, deviations: 0.001, capsules: 1}
            """
                .formatted(TinyRecipe.IMPORT));
    Path run = folder.resolve("run");
    put(recipe + " --out " + run, "run", run + "/report.md");
    launch(folder, Map.of("run", cases.get("run")));

    Path suite =
        Files.writeString(
            folder.resolve("suite.yaml"),
            "tasks: {caption: {source: {jsonl: '%s/data/caption.heldout.jsonl'}, limit: 2, decode: {maxNewTokens: 2}}}\n"
                .formatted(run));
    Path predictions =
        Files.writeString(
            folder.resolve("predictions.jsonl"),
            "{\"id\": 1, \"prediction\": \"a\", \"reference\": \"a\"}\n");
    String picture = first(run.resolve("data/images"));
    String capsule = first(run.resolve("stage1/capsules"));
    put("", "", "Usage: palimpsest");
    put(run.toString(), "goodput", "goodput ");
    put(recipe + " --out " + run + " --to slurm --print", "launch", "--job-name=tiny-stage1");
    Path ablation =
        Files.writeString(
            folder.resolve("ablation.yaml"),
            """
            name: starts
            scales:
              tiny: {recipe: '%s', stage: stage1, suite: heldout, metric: loss,
                set: ['stages.stage1.examples=0', 'stages.stage1.evaluate.suites=[heldout]']}
            variants: {zero: [], normal: ['stages.stage1.init.pretrained.connector=normal']}
            """
                .formatted(recipe));
    put(
        ablation + " --json --out " + folder.resolve("ablation"),
        "ablate",
        "\"metric\" : \"loss of heldout after stage1");
    put(recipe + " --out " + run + " --device l4 --samples 8", "plan", "device-hours");
    put(recipe + " --out " + run + " --samples 8", "mixture", "stage1: 32 examples");
    put(
        recipe + " --out " + run + " --checkpoint " + run,
        "inspect",
        "which no token before it sees");
    put(recipe + " --out " + run, "dedup", "searched for: ");
    put(recipe + " --out " + run, "prepare", "ready: 0 of 0 Parquet files");
    put(
        recipe + " --json --kills 0 --out " + folder.resolve("chaos"),
        "chaos",
        "\"bitsDiffering\" : 0");
    put(
        run + " --suite " + suite + " --out " + folder.resolve("evaluation"),
        "eval",
        folder.resolve("evaluation/results.md").toString());
    put("", "tasks", "Usage: palimpsest tasks");
    put("", "tasks list", "textvqa ");
    put("textvqa", "tasks show", "Published: ");
    put(predictions + " --metric exact_match", "score", "exact_match:official v1  ");
    String asked = drawn.export() + " --image " + picture + " --prompt what --max-new-tokens 4";
    Outcome inProcess = Outcome.of(("predict " + asked).split(" "));
    assertTrue(!inProcess.out().isBlank(), inProcess.err());
    put(asked, "predict", inProcess.out());
    put(
        run + " --to hf --precision bf16 --out " + folder.resolve("exported"),
        "export",
        folder.resolve("exported").toString());
    put(run + "/stage1/export/huggingface", "verify-export", "7 checks, all hold");
    put(run.toString(), "status", "finished stage1, 32 of 32 examples (100 %)");
    put(run + " --dry-run", "prune", "(state before a step that the guard objected to)");
    put(run.toString(), "report", run + "/report.html");
    put(run + " --listen 0", "watch", "http://127.0.0.1:");
    put(run.toString(), "lineage", "tiny/stage1, 32 examples");
    put(run + " " + run, "lineage diff", "They are the same checkpoint");
    put(run.toString(), "reproduce", "./palimpsest run reproduce-stage1.yaml");
    put(capsule, "replay", "Every loss and norm has the same bits as in the run.");
    put(certified("schedules") + " " + certified("sequences"), "certify", " in 2 cases, all hold");
    put(
        "--train 6 --held-out 6 --out " + folder.resolve("drawing"),
        "playground",
        folder.resolve("drawing").toString());
    put(
        "--preset tiny --parts mask-codec --out " + folder.resolve("fabricated"),
        "fabricate",
        folder.resolve("fabricated/vae-oid.npz") + ": ");
    put("", "bench", "Usage: palimpsest bench");
    put(
        "--only step --configs tiny --precision f32 --steps 1 --threads 1 --json",
        "bench all",
        "\"machine\" : ");
    put("--config tiny --steps 1 --threads 1 --json", "bench step", "\"shareOfGemmPeak\" : ");
    put("--config tiny --steps 1 --threads 1 --json", "bench ranks", "\"ranks\" : 1");
    put(
        "--seconds 0.03 --resolutions 8 --json --images " + run.resolve("data/images"),
        "bench data",
        "\"resolution\" : 8");
    put(
        "--runs 1 --new-tokens 2 --batch 2 --threads 1 --json",
        "bench eval",
        "\"prefillTokensPerSecond\" : ");
    put("--steps 40 --json", "bench soak", "\"threads\" : ");
    put(
        "--config tiny --json --folder " + folder.resolve("disk"),
        "bench checkpoint",
        "\"export npz f32\"");
    put("", "completion", "complete -F _complete_palimpsest");
    put("", "doctor", "instruction set");
    put("", "engine", "Usage: palimpsest engine");
    Path engines = folder.resolve("engines");
    SparseEngine.write(engines);
    put("cuda --into " + engines, "engine fetch", engines + "/cuda-");
    put("cuda --into " + engines, "engine find", "PYTORCH_FLAVOR cu128");
    Map<String, Case> rest = new LinkedHashMap<>(cases);
    rest.remove("run");
    launch(folder, rest);
  }

  private void put(String arguments, String command, String said) {
    List<String> all =
        Stream.of(command, arguments)
            .flatMap(words -> Stream.of(words.split(" ")))
            .filter(word -> !word.isEmpty())
            .toList();
    cases.put(command, new Case(all, said));
  }

  private void launch(Path folder, Map<String, Case> some) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
    Map<String, Future<Outcome>> running = new LinkedHashMap<>();
    some.forEach(
        (name, one) ->
            running.put(
                name,
                threads.submit(
                    () -> {
                      Launched command = Launched.start(folder, Map.of(), one.arguments());
                      if (name.equals("watch")) {
                        endAfterItsFirstLine(command);
                      }
                      return command.finish();
                    })));
    for (Map.Entry<String, Future<Outcome>> one : running.entrySet()) {
      outcomes.put(one.getKey(), one.getValue().get());
    }
    threads.shutdown();
  }

  /** A server goes on until it is told to end. */
  private static void endAfterItsFirstLine(Launched command) throws Exception {
    while (command.process().isAlive() && !Files.readString(command.out()).endsWith("\n")) {
      Thread.sleep(100);
    }
    command.end("TERM");
  }

  private static String first(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().findFirst().orElseThrow().toString();
    }
  }

  private static Path certified(String name) throws URISyntaxException {
    return Path.of(
        Objects.requireNonNull(EveryCommandTest.class.getResource("certify/" + name)).toURI());
  }

  @Test
  void thereIsACaseForEveryCommand() {
    Set<String> commands = new TreeSet<>();
    collect("", Main.commandLine(), commands);
    assertEquals(commands, new TreeSet<>(cases.keySet()));
  }

  private static void collect(String path, CommandLine command, Set<String> commands) {
    commands.add(path);
    command
        .getSubcommands()
        .forEach((name, sub) -> collect(path.isEmpty() ? name : path + " " + name, sub, commands));
  }

  Set<String> withJson() {
    return JSON.keySet();
  }

  @ParameterizedTest(name = "\"{0}\"")
  @MethodSource("withJson")
  void jsonIsAllThatIsPrinted(String command) throws IOException {
    Case one = Objects.requireNonNull(cases.get(command));
    List<String> arguments = new ArrayList<>(one.arguments());
    Outcome outcome = Objects.requireNonNull(outcomes.get(command));
    if (!arguments.contains("--json")) {
      arguments.add("--json");
      outcome = Outcome.of(arguments.toArray(String[]::new));
    }
    assertEquals(0, outcome.exit(), outcome.err());
    String place = Objects.requireNonNull(JSON.get(command));
    JsonNode json = WHOLE.readTree(outcome.out());
    assertTrue(!json.at(place).isMissingNode() && !json.at(place).isNull(), json.toString());
  }

  @Test
  void thereIsAPlaceInTheJsonOfEveryCommand() {
    Set<String> commands = new TreeSet<>(cases.keySet());
    commands.removeIf(
        name -> {
          CommandLine command = Main.commandLine();
          for (String word : name.isEmpty() ? new String[0] : name.split(" ")) {
            command = Objects.requireNonNull(command.getSubcommands().get(word));
          }
          CommandLine.Model.OptionSpec option = command.getCommandSpec().findOption("--json");
          return option == null;
        });
    assertEquals(commands, new TreeSet<>(JSON.keySet()));
  }

  /** Nobody has to remember it: a checkpoint and its export say it. */
  @Test
  void aModelTrainedWithoutTaskPrefixesIsAskedWithoutThem() throws IOException {
    String run = Objects.requireNonNull(cases.get("status")).arguments().get(1);
    Path picture = Path.of(first(Path.of(run, "data/images")));
    for (String model : List.of(run, run + "/stage1/export/huggingface")) {
      Outcome outcome =
          Outcome.of(
              "predict",
              model,
              "--image",
              picture.toString(),
              "--prompt",
              "answer en what is red",
              "--json");
      assertEquals(0, outcome.exit(), outcome.err());
      assertEquals("what is red", WHOLE.readTree(outcome.out()).path("prompt").asText());
      assertTrue(outcome.err().contains("trained without task prefixes"), outcome.err());
    }
    List<String> eval = Objects.requireNonNull(cases.get("eval")).arguments();
    Path out = Path.of(eval.get(eval.indexOf("--out") + 1));
    Path trained = Path.of(run, "stage1/predictions/after.heldout/caption.jsonl");
    assertEquals(prompts(trained), prompts(out.resolve("predictions/caption.jsonl")));
  }

  private static List<String> prompts(Path answers) throws IOException {
    List<String> prompts = new ArrayList<>();
    for (String line : Files.readAllLines(answers)) {
      JsonNode answer = WHOLE.readTree(line);
      assertTrue(!answer.path("prompt").asText().startsWith("caption"), line);
      prompts.add(answer.path("prompt").asText() + answer.path("prediction").asText());
    }
    return prompts;
  }

  /** Before a device is opened or anything is said of the run that is there. */
  @Test
  void aStageThatDoesNotExistIsAllThatIsTold() {
    List<String> arguments = new ArrayList<>(Objects.requireNonNull(cases.get("run")).arguments());
    arguments.addAll(List.of("--until", "stage2"));
    Outcome outcome = Outcome.of(arguments.toArray(String[]::new));
    assertEquals(2, outcome.exit());
    assertEquals(
        List.of(
            "1 mistake:",
            "  --until: 'stage2' is not a stage of this recipe; did you mean 'stage1'?"),
        outcome.err().lines().toList());
  }

  /** A run whose gate closes tells programs what it has, and people why on standard error. */
  @Test
  void aRunThatEndsEarlyPrintsItsJson() throws IOException {
    List<String> arguments = new ArrayList<>(Objects.requireNonNull(cases.get("run")).arguments());
    arguments.addAll(
        List.of(
            "--json",
            "--set",
            "stages.stage1.evaluate.gates=[{suite: heldout, task: caption, above: 0.99}]"));
    Outcome outcome = Outcome.of(arguments.toArray(String[]::new));
    assertEquals(77, outcome.exit(), outcome.err());
    JsonNode json = WHOLE.readTree(outcome.out());
    assertEquals(77, json.path("exitCode").asInt());
    assertTrue(outcome.err().contains(json.path("why").asText()), outcome.err());
    assertEquals(32, json.at("/stages/0/examples").asInt());
    assertTrue(json.at("/stages/0/loss").asDouble() > 0, json.toString());
    assertTrue(Files.isDirectory(Path.of(json.at("/stages/0/checkpoint").asText())));
    assertTrue(Files.isDirectory(Path.of(json.at("/stages/0/exports/0").asText())));
    assertTrue(json.at("/goodput/wall").asDouble() > 0, json.toString());
  }

  Set<String> commands() {
    return cases.keySet();
  }

  @ParameterizedTest(name = "\"{0}\"")
  @MethodSource("commands")
  void itsOutputReachesStandardOutput(String command) {
    Outcome outcome = Objects.requireNonNull(outcomes.get(command));
    String said = Objects.requireNonNull(cases.get(command)).said();
    assertTrue(outcome.out().contains(said), outcome.toString());
    assertTrue(!outcome.err().contains("\tat "), outcome.err());
    // Over so few steps the soak may well find that memory has not settled.
    assertTrue(outcome.exit() == 0 || command.equals("bench soak"), outcome.toString());
  }
}
