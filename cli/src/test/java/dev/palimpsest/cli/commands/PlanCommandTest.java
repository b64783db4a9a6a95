package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code plan}, as it is typed. */
class PlanCommandTest {
  private static final String PALIGEMMA = "../configs/recipes/paligemma-3b.yaml";

  @TempDir Path folder;

  private static JsonNode json(String... args) throws IOException {
    List<String> all = new ArrayList<>(List.of("plan"));
    all.addAll(List.of(args));
    all.add("--json");
    Outcome outcome = Outcome.of(all.toArray(String[]::new));
    assertEquals(0, outcome.exit(), outcome.err());
    return new ObjectMapper().readTree(outcome.out());
  }

  private static JsonNode stage(JsonNode plan, String name) {
    for (JsonNode stage : plan.path("stages")) {
      if (stage.path("name").asText().equals(name)) {
        return stage;
      }
    }
    throw new AssertionError("no stage " + name);
  }

  /**
   * Operations of an example and H100-hours at 40 % MFU, as counted by an independent program from
   * the models' sizes.
   */
  @ParameterizedTest
  @CsvSource({
    "stage1, 384000000000, 5.70e12, 5.70e21, 4000",
    "stage2-448, 76800000000, 23.86e12, 1.193e21, 838",
    "stage2-896, 46080000000, 82.24e12, 8.224e20, 577"
  })
  void thePapersStagesCostWhatTheirProductsCost(
      String name, double slots, double example, double total, double hours) throws IOException {
    JsonNode stage = stage(json(PALIGEMMA, "--device", "h100", "--count", "64"), name);
    JsonNode flops = stage.path("flopsAnExample");
    double counted = flops.path("forward").asDouble() + flops.path("backward").asDouble();
    assertEquals(example, counted, 0.001 * example);
    JsonNode all = stage.path("flops");
    assertEquals(
        total, all.path("forward").asDouble() + all.path("backward").asDouble(), 0.001 * total);
    assertEquals(hours, stage.path("deviceHours").asDouble(), 0.002 * hours);
    assertEquals(hours / 64, stage.path("hours").asDouble(), 0.002 * hours / 64);
    assertEquals(slots, stage.path("slotTokens").asDouble());
    assertTrue(stage.path("realTokens").isMissingNode(), "its data is not there");
  }

  /** The totals that the Hub shows are those of 257,216 rows; the recipes have 257,152. */
  @ParameterizedTest
  @CsvSource({
    "gemma-2b, 2923335408, 2924220144, 2927759088",
    "gemma2-2b, 3032094960, 3032979696, 3036518640",
    "gemma2-9b, 9662409456, 9663294192, 9666833136",
    "gemma2-27b, 27650192112, 27651076848, 27654615792"
  })
  void parametersAreThoseOfTheModelAtTheStagesResolution(
      String decoder, long at224, long at448, long at896) throws IOException {
    JsonNode plan = json(PALIGEMMA, "--set", "model.language={preset: " + decoder + "}");
    assertEquals(at224, stage(plan, "stage1").path("parameters").asLong());
    assertEquals(at448, stage(plan, "stage2-448").path("parameters").asLong());
    assertEquals(at896, stage(plan, "stage2-896").path("parameters").asLong());
  }

  /** The table's gradient, 257,152 rows of 3,584, and one decoder block's; all operations twice. */
  @Test
  void recomputedGradientsCostOperationsInsteadOfMemory() throws IOException {
    String recipe = "../configs/recipes/real-size-10b.yaml";
    JsonNode twice = stage(json(recipe), "stage1");
    JsonNode kept =
        stage(json(recipe, "--set", "stages.stage1.storage.gradients=memory"), "stage1");
    long table = 257_152L * 3_584;
    long block = 2 * 3_584L * 4_096 + 2 * 3_584L * 2_048 + 3 * 3_584L * 14_336 + 4 * 3_584;
    assertEquals(4 * (table + block), twice.path("memoryBytes").path("GRADIENTS").asLong());
    assertEquals(4 * 9_662_409_456L, kept.path("memoryBytes").path("GRADIENTS").asLong());
    assertEquals(2 * all(kept.path("flopsAnExample")), all(twice.path("flopsAnExample")), 1e3);
  }

  private static double all(JsonNode flops) {
    return flops.path("forward").asDouble()
        + flops.path("backward").asDouble()
        + flops.path("recomputed").asDouble();
  }

  @Test
  void anImportAloneIsPlannedInALine() throws IOException {
    Path recipe = folder.resolve("import.yaml");
    Files.writeString(
        recipe,
        """
        name: import
        tokenizer: {path: nowhere.model}
        model: {vision: {preset: siglip-so400m/14}, language: {preset: gemma2-9b}}
        tasks: {caption: {source: {jsonl: nowhere.jsonl}, type: {caption: {languages: {en: 1}}}}}
        stages:
          - name: stage0
            init: {pretrained: {vision: nowhere.npz, language: nowhere, connector: zero}}
            resolution: 224
            textTokens: 128
            export: {formats: [huggingface]}
        """);
    Outcome outcome = Outcome.of("plan", recipe.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(
        outcome
            .out()
            .contains(
                "stage0: 9,662,409,456 parameters, a checkpoint of 38.6 GB, exports of 38.7 GB; no training is planned"),
        outcome.out());
    assertFalse(outcome.out().contains("real tokens"), outcome.out());

    // How long such a stage trains follows from data that is not there.
    Files.writeString(
        recipe,
        """
          - name: stage1
            init: {stage: stage0}
            epochs: 2
            resolution: 224
            textTokens: 128
            batchSize: 8
            mixture: {caption: 1}
            optimizer: {learningRate: 1e-5, schedule: {constant: {}}}
        """,
        StandardOpenOption.APPEND);
    Outcome unknown = Outcome.of("plan", recipe.toString());
    assertEquals(0, unknown.exit(), unknown.err());
    assertTrue(unknown.out().contains("stages with 'epochs' are left out"), unknown.out());
    assertTrue(unknown.out().contains("real tokens are unknown"), unknown.out());
  }

  @Test
  void costAndImagesASecondFollowFromTheTime() throws IOException {
    JsonNode stage =
        stage(
            json(PALIGEMMA, "--device", "h100", "--count", "128", "--price", "2.5", "--mfu", "0.5"),
            "stage1");
    double hours = stage.path("hours").asDouble();
    assertEquals(4000.0 * 0.4 / 0.5 / 128, hours, 0.002 * hours);
    assertEquals(hours * 128 * 2.5, stage.path("cost").asDouble(), 1e-6);
    assertEquals(1e9 / (hours * 3600), stage.path("imagesPerSecond").asDouble(), 1e-3);
    assertEquals(0.5, stage.path("mfu").asDouble());
  }

  /** ZeRO's arithmetic (arXiv 1910.02054, figure 1), with the table whole on every device. */
  @Test
  void shardingDividesWhatItSays() throws IOException {
    Map<String, List<Long>> state = new TreeMap<>();
    for (String how : List.of("replicated", "zero1", "zero2", "zero3")) {
      JsonNode memory =
          stage(json(PALIGEMMA, "--device", "h100", "--count", "64", "--sharding", how), "stage1")
              .path("memoryBytes");
      state.put(
          how,
          List.of(
              memory.path("PARAMETERS").asLong(),
              memory.path("GRADIENTS").asLong(),
              memory.path("MOMENTS").asLong()));
    }
    long all = 4 * 2_923_335_408L;
    long table = 4 * 526_647_296L;
    long share = (all + 63) / 64;
    assertEquals(List.of(all, all, 2 * all), state.get("replicated"));
    assertEquals(List.of(all, all, (2 * all + 63) / 64), state.get("zero1"));
    assertEquals(List.of(all, share + table, (2 * all + 63) / 64), state.get("zero2"));
    assertEquals(List.of(share + table, share + table, (2 * all + 63) / 64), state.get("zero3"));
    JsonNode ofRecipe = json(PALIGEMMA, "--set", "ranks.sharding=optimizer");
    assertEquals("ZERO1", ofRecipe.at("/hardware/sharding").asText());
  }

  @Test
  void whatDoesNotFitIsSaidWithWhatHelps() {
    Outcome outcome = Outcome.of("plan", PALIGEMMA, "--device", "l4", "--count", "8");
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(
        outcome.out().contains("! stage1: does not fit into the memory of l4"), outcome.out());
    Outcome divided =
        Outcome.of("plan", PALIGEMMA, "--device", "h100", "--count", "256", "--sharding", "zero3");
    assertTrue(
        divided.out().contains("a batch of 640 examples cannot be divided among 256 devices"),
        divided.out());
  }

  /** A frozen tower has no gradients, no moments and no backward pass. */
  @Test
  void whatIsFrozenCostsNoBackwardPass() throws IOException {
    JsonNode trained = stage(json(PALIGEMMA), "stage1");
    JsonNode frozen =
        stage(
            json(PALIGEMMA, "--set", "stages.stage1.optimizer.groups={vision: {frozen: true}}"),
            "stage1");
    assertEquals(
        trained.path("flopsAnExample").path("forward").asDouble(),
        frozen.path("flopsAnExample").path("forward").asDouble());
    // torch's counter: the tower's backward pass is 437590425600 operations; the connector's
    // gradient of its input is as much as its forward pass.
    assertEquals(
        trained.path("flopsAnExample").path("backward").asDouble()
            - 437_590_425_600.0
            - 1_207_959_552.0,
        frozen.path("flopsAnExample").path("backward").asDouble(),
        1e3);
    assertEquals(
        trained.path("trainedParameters").asLong() - 412_442_352,
        frozen.path("trainedParameters").asLong());
  }

  @Test
  void devicesWithoutAKnownPeakNeedOne() throws IOException {
    Outcome unknown = Outcome.of("plan", PALIGEMMA, "--device", "h1000");
    assertEquals(2, unknown.exit());
    assertTrue(unknown.err().contains("did you mean 'h100'?"), unknown.err());
    JsonNode plan =
        json(
            PALIGEMMA, "--device", "own", "--teraflops", "989.4", "--memory", "80", "--count", "8");
    assertEquals(4000, stage(plan, "stage1").path("deviceHours").asDouble(), 8);
    for (String[] wrong : new String[][] {{"--count", "0"}, {"--mfu", "1.2"}, {"--price", "-1"}}) {
      Outcome refused = Outcome.of("plan", PALIGEMMA, wrong[0], wrong[1]);
      assertEquals(2, refused.exit());
      assertTrue(refused.err().contains(wrong[0] + " must be from "), refused.err());
    }
  }

  /** Disk is predicted to the header's bytes, and tokens are counted in the data that is there. */
  @Test
  void diskAndTokensOfARunAreAsPlanned() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "planned",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
              text: {source: {jsonl: '${run}/data/texts.train.jsonl'}, type: {spanCorruption: {sentinel: '<{n}>'}}}
            stages:
              - name: stage1
                init: %s
                examples: 32
                resolution: 16
                textTokens: 40
                batchSize: 8
                mixture: {caption: 1, text: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: [huggingface, big_vision]}
            """
                .formatted(TinyRecipe.IMPORT));
    Path out = folder.resolve("run");
    String[] options = {recipe.toString(), "--out", out.toString()};
    Outcome before = Outcome.of("plan", options[0], options[1], options[2]);
    assertTrue(before.out().contains("real tokens are unknown: "), before.out());
    assertFalse(Files.exists(out), "planning prepares nothing");
    Outcome ran = Outcome.of("run", options[0], options[1], options[2]);
    assertEquals(0, ran.exit(), ran.err());
    assertTrue(
        Files.readString(out.resolve("plan.txt")).contains(" an example, "),
        "the plan's short form is kept");

    JsonNode stage = stage(json(options), "stage1");
    assertEquals(
        bytes(out.resolve("stage1/checkpoints")), stage.path("diskKept").asDouble(), 30_000);
    assertEquals(bytes(out.resolve("stage1/export")), stage.path("exportBytes").asDouble(), 30_000);
    double real = stage.path("realTokens").asDouble();
    double slots = stage.path("slotTokens").asDouble();
    assertEquals(1 - real / slots, stage.path("paddingShare").asDouble(), 1e-12);
    assertTrue(real > 0.2 * slots && real < 0.9 * slots, real + " of " + slots);
    // Packed sequences have less padding, and cost less.
    String[] packed = {options[0], options[1], options[2], "--set", "stages.stage1.packTo=132"};
    JsonNode shorter = stage(json(packed), "stage1");
    assertEquals(real, shorter.path("realTokens").asDouble());
    assertTrue(shorter.path("slotTokens").asDouble() < 0.9 * slots, shorter.toString());
    assertTrue(
        shorter.path("flops").path("forward").asDouble()
            < stage.path("flops").path("forward").asDouble());
  }

  /** Of arrays; tokenizer and lists of names stay the same for every size. */
  private static double bytes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> file.toString().matches(".*\\.(safetensors|npz)"))
          .mapToDouble(file -> (double) file.toFile().length())
          .sum();
    }
  }

  /** Everything that the papers name is as they name it; the rest is marked. */
  @ParameterizedTest
  @CsvSource({"paligemma-3b, 2e-5", "paligemma2-3b, 1e-5"})
  void theShippedPretrainingIsThePapers(String name, String learningRate) throws IOException {
    Outcome outcome =
        Outcome.of("plan", "../configs/recipes/" + name + ".yaml", "--paper", "--json");
    assertEquals(0, outcome.exit(), outcome.err());
    Map<String, String> origins = new TreeMap<>();
    for (JsonNode fact : new ObjectMapper().readTree(outcome.out())) {
      boolean published = !fact.path("paper").isNull();
      if (published) {
        assertEquals(fact.path("paper").asText(), fact.path("recipe").asText(), fact.toString());
        assertFalse(fact.path("source").asText().isEmpty(), fact.toString());
      }
      origins.put(
          fact.path("stage").asText() + " " + fact.path("what").asText(),
          published ? fact.path("recipe").asText() : "ours");
    }
    assertEquals("1,000,000,000", origins.get("stage1 examples"));
    assertEquals("50,000,000", origins.get("stage2-448 examples"));
    assertEquals("10,000,000", origins.get("stage2-896 examples"));
    assertEquals(learningRate, origins.get("stage2-896 learning rate"));
    assertEquals("rsqrt", origins.get("stage1 schedule"));
    // facts that neither paper contains
    for (String unknown :
        List.of(
            "batch size", "warm-up", "timescale", "weight decay", "gradient clipping", "mixture")) {
      assertEquals("ours", origins.get("stage1 " + unknown), unknown);
    }
    assertEquals("ours", origins.get("stage2-448 optimizer's state"));
  }

  @Test
  void whatDiffersFromThePapersIsMarked() {
    Outcome outcome =
        Outcome.of(
            "plan", PALIGEMMA, "--paper", "--set", "stages.stage1.optimizer.learningRate=1e-4");
    assertTrue(outcome.out().contains("stage1: the paper's stage 1"), outcome.out());
    assertTrue(
        outcome
            .out()
            .lines()
            .anyMatch(line -> line.matches(" +learning rate +DIFFERS +1e-4 +2e-5 +PG2 3")),
        outcome.out());
    assertTrue(outcome.out().contains(" 1 differ from the papers"), outcome.out());
  }

  /**
   * Memory of arrays is planned within 10 % in float32 and in bfloat16, with graphs kept, with
   * micro batches, and where attention's matrices weigh. Time depends on what else the machine
   * does, so only its arithmetic is tested.
   */
  @Test
  void aFinishedRunIsComparedWithItsPlan() throws IOException {
    Path recipe =
        Files.writeString(
            folder.resolve("checked.yaml"),
            """
            name: checked
            threads: 1
            prepare:
              playground: {out: '${run}/data', trainImages: 24, heldOutImages: 6}
              towers: {out: '${run}/towers', resolution: 56}
            tokenizer: {path: '${run}/data/tokenizer.model'}
            model:
              vision: {width: 192, depth: 4, mlpWidth: 768, heads: 4, patchSize: 14}
              language: {vocabulary: 1728, width: 256, depth: 4, mlpWidth: 1024, heads: 4, keyValueHeads: 1,
                headDim: 64, queryScalar: 64}
            tasks: {caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}}
            stages:
              - name: stage1
                init: %s
                examples: 80
                resolution: 56
                textTokens: 28
                batchSize: 16
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: []}
              - name: stage2
                init: {stage: stage1}
                examples: 64
                resolution: 112
                textTokens: 28
                batchSize: 16
                microBatch: 8
                precision: bf16
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: []}
              - name: stage3
                init: {stage: stage2}
                examples: 24
                resolution: 224
                textTokens: 28
                batchSize: 8
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Path out = folder.resolve("checked");
    Outcome ran = Outcome.of("run", recipe.toString(), "--out", out.toString());
    assertEquals(0, ran.exit(), ran.err());
    Outcome checked = Outcome.of("plan", "--check", out.toString(), "--steps", "2", "--json");
    JsonNode stages = new ObjectMapper().readTree(checked.out());
    assertEquals(3, stages.size(), checked.err());
    boolean holds = true;
    for (JsonNode stage : stages) {
      assertEquals(0, stage.path("memoryError").asDouble(), 0.10, stage.toString());
      double planned = stage.path("secondsPlanned").asDouble();
      double used = stage.path("secondsUsed").asDouble();
      assertTrue(planned > 0 && used > 0, stage.toString());
      assertEquals(planned / used - 1, stage.path("timeError").asDouble(), 1e-9);
      holds &= Math.abs(planned / used - 1) <= 0.15;
    }
    assertEquals(holds ? 0 : 1, checked.exit());

    Path metrics = out.resolve("stage2/metrics.jsonl");
    Files.writeString(
        metrics,
        Files.readString(metrics).replaceAll("\"arrayBytes\":(\\d+)", "\"arrayBytes\":9$1"));
    Outcome wrong = Outcome.of("plan", "--check", out.toString(), "--steps", "1");
    assertEquals(1, wrong.exit(), wrong.err());
    assertTrue(wrong.out().contains("WRONG"), wrong.out());
    for (String stage : List.of("stage1", "stage2", "stage3")) {
      Files.delete(out.resolve(stage).resolve("stage.json")); // as while it trains
    }
    Outcome early = Outcome.of("plan", "--check", out.toString());
    assertEquals(2, early.exit());
    assertTrue(early.err().contains("no stage that has been trained to its end"), early.err());
    Outcome none = Outcome.of("plan", "--check", folder.toString());
    assertEquals(2, none.exit());
    assertTrue(none.err().contains("is not the folder of a run"), none.err());
  }
}
