package dev.palimpsest.configs.binding;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.CheckpointConfig;
import dev.palimpsest.configs.HandOver;
import dev.palimpsest.configs.Init;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.ScheduleConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipesTest {
  private static final String RECIPE =
      """
      name: small
      seed: 7
      tokenizer: {path: tokenizer.model}
      model:
        vision: {preset: siglip-tiny/14}
        language: {preset: gemma-tiny, vocabulary: 640}
      tasks:
        caption: {source: {jsonl: caption.jsonl}}
        answer: {source: {jsonl: {path: answer.jsonl, images: pictures}}}
      suites:
        heldout:
          tasks:
            caption: {source: {jsonl: heldout.jsonl}}
      stages:
        - name: stage0
          init: {pretrained: {vision: siglip.npz, language: gemma}}
          resolution: 28
          textTokens: 16
        - name: stage1
          init: {stage: stage0}
          examples: 1_024
          resolution: 28
          textTokens: 16
          batchSize: 8
          microBatch: 4
          precision: bf16
          mixture: {caption: 2, answer: 0.5}
          optimizer:
            learningRate: 2e-5
            schedule: {rsqrt: {warmupExamples: 64, timescaleExamples: 1e3}}
            groups:
              vision: {schedule: {linear: {warmupExamples: 512}}}
              others: {learningRateMultiplier: 1}
          evaluate: {suites: [heldout]}
          export: {formats: [big_vision, huggingface]}
      """;

  private static PipelineConfig bind(String text, String... sets) {
    return Recipes.bind(
        text,
        "recipe.yaml",
        List.of(sets),
        new Variables(Map.of("run", "/runs/a", "recipe", "/recipes"), Map.of("DATA", "/data")));
  }

  /** All mistakes, a line each. */
  private static String mistakes(String text, String... sets) {
    InvalidConfigException e =
        assertThrows(InvalidConfigException.class, () -> bind(text, sets), "binds");
    return String.join("\n", e.problems().stream().map(Problem::toString).toList());
  }

  private static String mistakesAfter(String before, String after) {
    assertTrue(RECIPE.contains(before), before);
    return mistakes(RECIPE.replace(before, after));
  }

  // ---- what binds --------------------------------------------------------------------------

  @Test
  void temperatureTurnsSizesIntoWeights() {
    StageConfig asWritten = bind(RECIPE).stages().get(1);
    assertEquals(2, asWritten.weight("caption", 10_000));
    StageConfig bySize = bind(RECIPE, "stages.stage1.temperature=1").stages().get(1);
    assertEquals(20_000, bySize.weight("caption", 10_000), 1e-9);
    StageConfig flattened = bind(RECIPE, "stages.stage1.temperature=2").stages().get(1);
    assertEquals(200, flattened.weight("caption", 10_000), 1e-9);
    assertEquals(0, flattened.weight("of no weight", 10_000));
  }

  @Test
  void valuesComeFromTheRecipe() {
    StageConfig stage = bind(RECIPE).stages().get(1);
    assertEquals(new Init.FromStage("stage0"), stage.init());
    assertEquals(1024, stage.examples());
    assertEquals(4, stage.microBatch());
    assertEquals(Precision.BF16, stage.precision());
    assertEquals(Map.of("caption", 2.0, "answer", 0.5), stage.mixture());
    OptimizerConfig optimizer = requireNonNull(stage.optimizer());
    assertEquals(2e-5, optimizer.learningRate());
    assertEquals(new ScheduleConfig.Rsqrt(64, 1000, 0, 0), optimizer.schedule());
    assertEquals(
        new ScheduleConfig.Linear(512, 0, 0, 1), optimizer.groupOf("vision/norm/scale").schedule());
    assertEquals(
        new TaskConfig(new SourceConfig.JsonLines("answer.jsonl", "pictures")),
        bind(RECIPE).tasks().get("answer"));
  }

  @Test
  void whatTheRecipeLeavesOutHasItsDefault() {
    StageConfig stage = bind(RECIPE).stages().get(0);
    assertEquals(0, stage.examples());
    assertNull(stage.microBatch());
    assertNull(stage.optimizer());
    assertEquals(Precision.F32, stage.precision());
    assertEquals(new ImageConfig(ImageConfig.Resize.BILINEAR, true), stage.image());
    assertEquals(new CheckpointConfig(0, null, null, 2, 0), stage.checkpoint());
    assertEquals(HandOver.PositionEmbedding.RESAMPLE, stage.handOver().positionEmbedding());
    assertEquals(
        Init.ConnectorInit.ZERO,
        assertInstanceOf(Init.FromPretrained.class, stage.init()).connector());
    OptimizerConfig optimizer = requireNonNull(bind(RECIPE).stages().get(1).optimizer());
    assertEquals(".*/kernel", optimizer.weightDecayPattern());
    assertEquals(0.999, optimizer.beta2());
  }

  @Test
  void aPresetGivesWhatIsNotWrittenBesideIt() {
    ModelConfig model = bind(RECIPE).model();
    assertEquals(Presets.vision("siglip-tiny/14"), model.vision());
    assertEquals(Presets.language("gemma-tiny").withVocabulary(640), model.language());
  }

  @Test
  void theOrderOfTasksInAMixtureDoesNotMatter() {
    StageConfig turned =
        bind(RECIPE.replace("{caption: 2, answer: 0.5}", "{answer: 0.5, caption: 2}"))
            .stages()
            .get(1);
    assertEquals(List.of("answer", "caption"), List.copyOf(turned.mixture().keySet()));
    assertEquals(
        List.copyOf(turned.mixture().keySet()),
        List.copyOf(bind(RECIPE).stages().get(1).mixture().keySet()));
  }

  @Test
  void anchorsAndMergeKeysWork() {
    String text =
        RECIPE.replace("  - name: stage0\n", "  - &base\n    name: stage0\n")
            + """
              - <<: *base
                name: again
                textTokens: 32
            """;
    StageConfig stage = bind(text).stages().get(2);
    assertEquals("again", stage.name());
    assertEquals(32, stage.textTokens());
    assertInstanceOf(Init.FromPretrained.class, stage.init());
  }

  @ParameterizedTest
  @CsvSource({
    "1_000_000_000, 1000000000",
    "1e9, 1000000000",
    "1.5e3, 1500",
    "+16, 16",
    "0, 0",
  })
  void wholeNumbersMayHaveUnderscoresAndExponents(String written, long value) {
    assertEquals(value, bind(RECIPE.replace("seed: 7", "seed: " + written)).seed());
  }

  @Test
  void variablesAreFilledIntoStrings() {
    PipelineConfig recipe =
        bind(
            RECIPE
                .replace("caption.jsonl", "'${run}/data/${env:DATA}.jsonl'")
                .replace("tokenizer.model", "'${env:NOT_SET:-here}/$${run}'"));
    assertEquals(
        new TaskConfig(new SourceConfig.JsonLines("/runs/a/data//data.jsonl", null)),
        recipe.tasks().get("caption"));
    assertEquals("here/${run}", recipe.tokenizer().path());
  }

  @Test
  void aFileKnowsItsFolder(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("my.yaml");
    Files.writeString(file, RECIPE.replace("tokenizer.model", "'${recipe}/tokenizer.model'"));
    assertEquals(
        folder.toAbsolutePath().normalize() + "/tokenizer.model",
        Recipes.bind(file, List.of(), Map.of()).tokenizer().path());
  }

  // ---- mistakes of form --------------------------------------------------------------------

  @Test
  void allMistakesAreReportedAtOnceInTheOrderOfTheFile() {
    String text =
        RECIPE
            .replace("seed: 7", "sead: 7")
            .replace("vocabulary: 640", "vocabulary: many")
            .replace("    textTokens: 16\n  - name: stage1", "  - name: stage1")
            .replace("microBatch: 4", "microBatch: 3")
            .replace("precision: bf16", "precision: fp16")
            .replace("{caption: 2,", "{captoin: 2,")
            .replace("learningRate: 2e-5", "learningRate: -1")
            .replace("{rsqrt: {warm", "{rsqr: {warm")
            .replace("[heldout]", "[heldot]");
    assertEquals(
        """
        recipe.yaml:2:1: sead: unknown key 'sead'; did you mean 'seed'?
        recipe.yaml:6:46: model.language.vocabulary: must be a whole number, got the string 'many'
        recipe.yaml:15:5: stages[0].textTokens: is required, but missing
        recipe.yaml:24:17: stages[1].microBatch: must divide the batch size 8, got 3
        recipe.yaml:25:16: stages[1].precision: must be one of f32, bf16, got 'fp16'
        recipe.yaml:26:24: stages[1].mixture.captoin: names no task of this recipe; did you mean 'caption'?
        recipe.yaml:28:21: stages[1].optimizer.learningRate: must be from 0 to 1000000, got -1
        recipe.yaml:29:18: stages[1].optimizer.schedule.rsqr: unknown kind 'rsqr'; did you mean 'rsqrt'?
        recipe.yaml:33:25: stages[1].evaluate.suites[0]: 'heldot' is not a suite of this recipe; did you mean 'heldout'?\
        """,
        mistakes(text));
  }

  @Test
  void aMistakeHasTheLineAndColumnOfItsValue() {
    assertTrue(
        mistakesAfter("textTokens: 16\n    batchSize: 8", "textTokens: 16\n    batchSize: x")
            .startsWith("recipe.yaml:24:16: stages[1].batchSize: "));
  }

  @Test
  void aMissingKeyHasThePlaceOfItsParent() {
    assertEquals(
        "recipe.yaml:28:5: stages[1].optimizer.learningRate: is required, but missing",
        mistakesAfter("      learningRate: 2e-5\n", ""));
  }

  @Test
  void invalidYamlHasItsPlace() {
    String message = mistakes("name: a\nstages: [\n");
    assertTrue(message.startsWith("recipe.yaml:3:1: is not valid YAML: "), message);
  }

  @Test
  void aKeyThatStandsTwiceIsAMistake() {
    assertEquals(
        "recipe.yaml:3:1: seed: is given twice; the first is at recipe.yaml:2:1, keep one of them",
        mistakesAfter("seed: 7\n", "seed: 7\nseed: 7\n"));
  }

  @Test
  void anEmptyRecipeAndAListAreMistakes() {
    assertEquals("recipe.yaml: is empty", mistakes("# nothing\n"));
    assertEquals("recipe.yaml:1:1: must be a mapping, got a list", mistakes("[1]"));
  }

  @Test
  void tagsAreMistakes() {
    assertEquals(
        "recipe.yaml:2:7: seed: has the tag !include; recipes have no tags",
        mistakesAfter("seed: 7", "seed: !include 7"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "name: small | name: no | must be a string, got the boolean no; to mean the text, put it in"
            + " quotes: 'no'",
        "name: small | name: 3 | must be a string, got the number 3; to mean the text, put it in"
            + " quotes: '3'",
        "name: small | name: 1e3 | must be a string, got the number 1e3; to mean the text, put it"
            + " in quotes: '1e3'",
        "name: small | name: [a] | must be a string, got a list",
        "seed: 7 | seed: '12' | must be a whole number, got the string '12'; remove the quotes",
        "seed: 7 | seed: 0123 | must be a whole number in decimal, got 0123, which YAML reads in"
            + " base 8; leave the leading 0 out",
        "seed: 7 | seed: 0x1F | must be a whole number in decimal, got 0x1F",
        "seed: 7 | seed: 1:30 | must be a whole number in decimal, got 1:30",
        "seed: 7 | seed: 1.5 | must be a whole number, got the number 1.5",
        "seed: 7 | seed: 7.0 | must be a whole number, got the number 7.0",
        "seed: 7 | seed: true | must be a whole number, got the boolean true",
        "seed: 7 | seed: 1e19 | must be at most 9223372036854775807, got 1e19",
        "seed: 7 | seed: | has no value; leave the key out for the default, 0",
        "batchSize: 8 | batchSize: 3e9 | must be at most 2147483647, got 3e9",
        "learningRate: 2e-5 | learningRate: .inf | must be a number in decimal, got .inf",
        "learningRate: 2e-5 | learningRate: 1e999 | must be a finite number, got the number 1e999",
        "learningRate: 2e-5 | learningRate: fast | must be a number, got the string 'fast'",
        "init: {stage: stage0} | init: stage0 | must be a mapping whose key is one of pretrained,"
            + " stage, checkpoint, as in {pretrained: ...}, got the string 'stage0'",
        "init: {stage: stage0} | init: {stage: stage0, checkpoint: a} | must be exactly one of"
            + " pretrained, stage, checkpoint, got stage and checkpoint",
        "init: {stage: stage0} | init: {} | must be exactly one of pretrained, stage, checkpoint,"
            + " got none",
        "init: {stage: stage0} | init: {stage: 1} | must be a string, got the number 1; to mean the"
            + " text, put it in quotes: '1'",
        "init: {stage: stage0} | init: {stage: } | must be a mapping, got nothing",
        "suites: [heldout] | suites: heldout | must be a list, got the string 'heldout'",
        "[big_vision, huggingface] | [BigVision] | must be one of huggingface, big_vision, got"
            + " 'BigVision'; did you mean 'big_vision'?",
        "[big_vision, huggingface] | [big_vision, big_vision] | occurs twice in the list",
        "evaluate: {suites | evaluate: {before: yes, suites | must be true or false, got the"
            + " boolean yes",
        "preset: siglip-tiny/14 | preset: siglip-so400/14 | unknown preset 'siglip-so400/14'; did"
            + " you mean 'siglip-so400m/14'?",
        "tokenizer.model | '${rum}/a' | unknown variable ${rum}; did you mean '${run}'?",
        "tokenizer.model | '${run/a' | has '${run/a' without its closing brace",
        "tokenizer.model | '${env:DATE}/a' | the environment variable DATE is not set; set it, or"
            + " give a default: ${env:DATE:-value}",
      })
  void everyMistakeSaysWhatWasExpectedAndFound(String before, String after, String message) {
    String found = mistakesAfter(before, after);
    assertTrue(found.endsWith(": " + message) && found.lines().count() == 1, found);
  }

  @Test
  void aWrongValueHidesNoOtherMistakeOfItsRecord() {
    String found =
        mistakes(
            RECIPE
                .replace("batchSize: 8", "batchSize: eight")
                .replace("textTokens: 16\n    batch", "textTokens: 0\n    batch")
                .replace("precision: bf16", "labelSmoothing: 1"));
    assertEquals(
        List.of("stages[1].textTokens", "stages[1].batchSize", "stages[1].labelSmoothing"),
        Stream.of(found.split("\n")).map(line -> line.split(": ")[1]).toList(),
        found);
  }

  // ---- mistakes between parts --------------------------------------------------------------

  @Test
  void aResolutionMustBeAMultipleOfThePatch() {
    assertEquals(
        "recipe.yaml:17:17: stages[0].resolution: must be a multiple of the patch size 14, got 450;"
            + " the nearest are 448 and 462",
        mistakes(RECIPE.replaceFirst("resolution: 28", "resolution: 450")));
  }

  @Test
  void stagesHaveDifferentNames() {
    assertTrue(
        mistakesAfter("name: stage1", "name: stage0")
            .endsWith("stages[1].name: must be unique, but stages[0] is also called 'stage0'"));
  }

  @Test
  void aStageStartsFromAnEarlierOne() {
    assertTrue(
        mistakesAfter("{stage: stage0}", "{stage: stage1}")
            .endsWith(
                "stages[1].init.stage: 'stage1' is not an earlier stage; did you mean 'stage0'?"));
    assertTrue(
        mistakesAfter("{pretrained: {vision: siglip.npz, language: gemma}}", "{stage: stage1}")
            .contains("stages[0].init.stage: the first stage has none before it; start it from"));
  }

  @Test
  void someTaskHasAWeight() {
    assertTrue(
        mistakesAfter("{caption: 2, answer: 0.5}", "{caption: 0, answer: 0}")
            .endsWith("stages[1].mixture: must give at least one task a weight above 0"));
  }

  @Test
  void positionsAreNotKeptWhenTheResolutionChanges() {
    assertTrue(
        mistakes(
                RECIPE,
                "stages.stage1.resolution=56",
                "stages.stage1.handOver.positionEmbedding=keep")
            .endsWith(
                "stages[1].handOver.positionEmbedding: is 'keep', but the resolution changes from"
                    + " 28 (stage0) to 56; write 'resample' or keep the resolution"));
  }

  @Test
  void momentsAreNotKeptByAnotherOptimizer() {
    String stage =
        RECIPE
            .substring(RECIPE.indexOf("  - name: stage1"))
            .replace("stage1", "stage2")
            .replace("stage0", "stage1");
    assertTrue(
        mistakes(RECIPE + stage, "stages.stage2.optimizer.adafactor={}")
            .endsWith(
                "stages[2].handOver.optimizer: is 'keep', but stage 'stage1' is trained with Adam and"
                    + " this one with Adafactor, which has other moments; write 'reset' or use the"
                    + " same optimizer"));
  }

  @Test
  void aRecipeHasAStage() {
    assertTrue(
        mistakes(RECIPE.substring(0, RECIPE.indexOf("stages:")) + "stages: []")
            .endsWith("stages: must have at least one stage"));
  }

  @Test
  void everyGateThatCannotBeJudgedIsNamed() {
    assertEquals(
        """
        recipe.yaml:37:11: stages[1].evaluate.gates[0].above: must be there, or 'below', or 'noWorseThanParent: true'
        recipe.yaml:37:34: stages[1].evaluate.gates[0].task: 'captoin' is not a task of suite heldout; did you mean 'caption'?
        recipe.yaml:38:19: stages[1].evaluate.gates[1].suite: 'heldot' is not a suite that this stage is scored on; did you mean 'heldout'?
        recipe.yaml:39:62: stages[1].evaluate.gates[2].noWorseThanParent: needs a parent stage that is scored on suite heldout at its end\
        """,
        mistakesAfter(
            "evaluate: {suites: [heldout]}",
            """
            evaluate:
                  suites: [heldout]
                  gates:
                    - {suite: heldout, task: captoin}
                    - {suite: heldot, task: caption, above: 0.5}
                    - {suite: heldout, task: caption, noWorseThanParent: true}
                    - {suite: heldout, task: caption, above: 0.5}\
            """));
  }

  @Test
  void aGateComparesWithAParentThatIsScoredAtItsEnd() {
    String[] gate = {
      "stages.stage0.evaluate={suites: [heldout]}",
      "stages.stage1.evaluate.gates=[{suite: heldout, task: caption, noWorseThanParent: true}]",
      ""
    };
    assertEquals(1, bind(RECIPE, gate[0], gate[1]).stages().get(1).evaluate().gates().size());
    for (String without :
        new String[] {
          "stages.stage0.evaluate.after=false", "stages.stage1.init={checkpoint: elsewhere}"
        }) {
      gate[2] = without;
      String found = mistakes(RECIPE, gate);
      assertTrue(
          found.endsWith("needs a parent stage that is scored on suite heldout at its end")
              && found.lines().count() == 1,
          found);
    }
    gate[2] = "stages.stage1.evaluate.after=false";
    assertTrue(
        mistakes(RECIPE, gate).endsWith("gates[0]: needs the scores at the end; 'after' is false"));
  }

  // ---- overrides ---------------------------------------------------------------------------

  @Test
  void anOverrideReplacesAValueByNumberOrByName() {
    PipelineConfig recipe =
        bind(
            RECIPE,
            "stages[1].optimizer.learningRate=1e-4",
            "stages.stage1.examples=768",
            "name=other",
            "model.language.vocabulary=1_000",
            "stages.stage1.mixture={caption: 1}",
            "stages[1].optimizer.schedule={cosine: {warmupExamples: 8}}",
            "stages[1].microBatch=null");
    StageConfig stage = recipe.stages().get(1);
    OptimizerConfig optimizer = requireNonNull(stage.optimizer());
    assertEquals(1e-4, optimizer.learningRate());
    assertEquals(768, stage.examples());
    assertEquals("other", recipe.name());
    assertEquals(1000, recipe.model().language().vocabulary());
    assertEquals(Map.of("caption", 1.0), stage.mixture());
    assertEquals(new ScheduleConfig.Cosine(8, 0), optimizer.schedule());
    assertNull(stage.microBatch());
  }

  @Test
  void anOverrideMayGiveWhatTheRecipeLeavesOut() {
    StageConfig stage = bind(RECIPE, "stages.stage0.checkpoint.keepLast=5").stages().get(0);
    assertEquals(5, stage.checkpoint().keepLast());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "stages.stage1.exampels=1 | stages[1].exampels: unknown key 'exampels'; did you mean"
            + " 'examples'?",
        "stages.stage2.examples=1 | stages: has no member named 'stage2'; did you mean 'stage0'?",
        "stages[2].examples=1 | stages: has 2 members, numbered from 0; there is no [2]",
        "name.first=a | name: is the string 'small' and has nothing called 'first' in it",
        "seed | must have the form path=value, as in stages[1].batchSize=256",
        "=3 | must have the form path=value, as in stages[1].batchSize=256",
        "stages..a=3 | must have the form path=value, as in stages[1].batchSize=256",
        "seed=x | seed: must be a whole number, got the string 'x'",
        "seed=-5e | seed: must be a whole number, got the string '-5e'",
        "stages.stage1.batchSize=0 | stages[1].batchSize: must be from 1 to 1048576 examples, got"
            + " 0",
      })
  void aWrongOverrideIsNamed(String set, String message) {
    assertEquals("--set " + set + ": " + message, mistakes(RECIPE, set));
  }

  // ---- ranges ------------------------------------------------------------------------------

  /** Each number of a recipe, too large, too small or none: a mistake in one sentence. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "threads=0 | threads: must be from 1 to 1024 threads, got 0",
        "model.language.vocabulary=1e9 | model.language.vocabulary: must be from 1 to 16777216"
            + " rows, got 1000000000",
        "model.language.ropeTheta=1e-9 | model.language.ropeTheta: must be from 1 to 1e12, got"
            + " 1e-9",
        "model.language.normEpsilon=1e-44 | model.language.normEpsilon: must be from 1e-30 to 1,"
            + " got 1e-44",
        "model.vision.depth=5000 | model.vision.depth: must be from 0 to 1000 blocks, got 5000",
        "stages.stage1.resolution=14000 | stages[1].resolution: must be from 1 to 4096 pixels, got"
            + " 14000",
        "stages.stage1.textTokens=100000 | stages[1].textTokens: must be from 1 to 32768 tokens,"
            + " got 100000",
        "stages.stage1.temperature=1e-3 | stages[1].temperature: must be 0 (weights as they are"
            + " written) or from 0.1 to 1000, got 0.001",
        "stages.stage1.temperature=-1 | stages[1].temperature: must be 0 (weights as they are"
            + " written) or from 0.1 to 1000, got -1",
        "stages.stage1.temperature=.nan | stages[1].temperature: must be a number in decimal, got"
            + " .nan",
        "stages.stage1.temperature=.inf | stages[1].temperature: must be a number in decimal, got"
            + " .inf",
        "stages.stage1.temperature=1e999 | stages[1].temperature: must be a finite number, got the"
            + " number 1e999",
        "stages.stage1.dropout=1e-400 | stages[1].dropout: must be 0 or a number that is not lost"
            + " against 0, got the number 1e-400",
        "stages.stage1.dropout=1 | stages[1].dropout: must be at least 0 and below 1, got 1",
        "stages.stage1.packTo=1e9 | stages[1].packTo: must be from 0 to 1048576 tokens, got"
            + " 1000000000",
        "stages.stage1.finalSoftcap=1e-30 | stages[1].finalSoftcap: must be 0 (none) or from 0.1 to"
            + " 1000000, got 1e-30",
        "stages.stage1.mixture.caption=1e300 | stages[1].mixture.caption: must be from 0 to 1e9,"
            + " got 1e300",
        "stages.stage1.optimizer.learningRate=1e7 | stages[1].optimizer.learningRate: must be from"
            + " 0 to 1000000, got 1e7",
        "stages.stage1.optimizer.beta2=0.99999999 | stages[1].optimizer.beta2: must be from 0 to"
            + " 0.999999, got 0.99999999",
        "stages.stage1.optimizer.epsilon=1e-50 | stages[1].optimizer.epsilon: must be from 1e-30 to"
            + " 1, got 1e-50",
        "stages.stage1.optimizer.clipNorm=1e-20 | stages[1].optimizer.clipNorm: must be 0 (none) or"
            + " from 1e-9 to 1e9, got 1e-20",
        "stages.stage1.optimizer.weightDecay=2 | stages[1].optimizer.weightDecay: must be from 0 to"
            + " 1, got 2",
        "stages.stage1.optimizer.schedule.rsqrt.timescaleExamples=0 |"
            + " stages[1].optimizer.schedule.rsqrt.timescaleExamples: must be from 1 to"
            + " 1000000000000000 examples, got 0",
        "stages.stage1.optimizer.schedule={stair: {atExamples: [-3], factors: [1]}} |"
            + " stages[1].optimizer.schedule.stair.atExamples: must be from 0 to 1000000000000000"
            + " examples each, got [-3]",
        "stages.stage1.checkpoint.keepLast=0 | stages[1].checkpoint.keepLast: must be from 1 to"
            + " 1000000 checkpoints, got 0",
        "stages.stage1.evaluate.batchSize=0 | stages[1].evaluate.batchSize: must be from 1 to"
            + " 1048576 examples, got 0",
        "stages.stage1.guard.window=2 | stages[1].guard.window: must be from 3 to 4096 steps, got"
            + " 2",
        "stages.stage1.image.augment.jpeg=2 | stages[1].image.augment.jpeg: must be from 0 to 1,"
            + " got 2",
        "tasks.caption.frames=0 | tasks.caption.frames: must be from 1 to 10000 frames, got 0",
        "tasks.caption.type={detect: {things: 100000}} | tasks.caption.type.detect.things: must be"
            + " from 1 to 1000 things, got 100000",
        "suites.heldout.tasks.caption.decode={sampler: {temperature: {t: 1e-40}}} |"
            + " suites.heldout.tasks.caption.decode.sampler.temperature.t: must be from 0.001 to"
            + " 1000, got 1e-40",
        "suites.heldout.tasks.caption.maxNewTokens=1_000_000 |"
            + " suites.heldout.tasks.caption.maxNewTokens: must be from 1 to 32768 tokens, got"
            + " 1000000",
        "prepare={playground: {out: x, trainImages: 0}} | prepare.playground.trainImages: must be"
            + " from 1 to 10000000 pictures, got 0",
        "prepare={towers: {out: x, resolution: 0}} | prepare.towers.resolution: must be from 1 to"
            + " 4096 pixels, got 0",
        "prepare={fabricate: {out: x, preset: tiny3}} | prepare.fabricate.preset: unknown name"
            + " 'tiny3'; did you mean 'tiny'?",
        "prepare={fabricate: {out: x, preset: tiny, parts: [tokenizer, gema]}} |"
            + " prepare.fabricate.parts[1]: unknown name 'gema'; did you mean 'gemma'?",
      })
  void aNumberOutOfItsRangeIsAMistake(String set, String message) {
    assertEquals(
        "--set %s: %s".formatted(set, message),
        mistakes(RECIPE, set).lines().findFirst().orElseThrow());
  }

  /** As big_vision does (utils.py, create_learning_rate_schedule), cool-downs too. */
  @Test
  void groupsAreAddressedByName() {
    OptimizerConfig optimizer =
        requireNonNull(
            bind(RECIPE, "stages.stage1.optimizer.groups.language.frozen=true")
                .stages()
                .get(1)
                .optimizer());
    assertTrue(optimizer.groupOf("language/norm/scale").frozen());
    assertFalse(optimizer.groupOf("connector/kernel").frozen());
    String set = "stages.stage1.optimizer.groups=[{pattern: '.*'}]";
    assertEquals(
        "--set "
            + set
            + ": stages[1].optimizer.groups: must be a mapping of names, as in {NAME: ...}, got a list",
        mistakes(RECIPE, set));
    String index = "stages.stage1.optimizer.groups[0].frozen=true";
    assertTrue(
        mistakes(RECIPE, index).contains("groups are addressed by name and not by number"),
        mistakes(RECIPE, index));
    String bare = "stages.stage1.optimizer.groups.attention.frozen=true";
    assertTrue(mistakes(RECIPE, bare).contains("attention.pattern: is required"));
    String others = "stages.stage1.optimizer.groups.others.pattern=x";
    assertTrue(mistakes(RECIPE, others).contains("others.pattern: must not be given"));
  }

  @Test
  void aWarmUpOrCoolDownAsLongAsItsCurveIsAMistake() {
    String set =
        "stages.stage1.optimizer.schedule={cosine: {warmupExamples: %d, cooldownExamples: %d}}";
    bind(RECIPE, set.formatted(1023, 1023));
    String at = "--set %s: stages[1].optimizer.schedule.cosine.";
    String message =
        "must be shorter than the learning-rate curve, which ends at 1024 examples, got 1024";
    String warm = set.formatted(1024, 0);
    assertEquals(at.formatted(warm) + "warmupExamples: " + message, mistakes(RECIPE, warm));
    String cool = set.formatted(0, 1024);
    assertEquals(at.formatted(cool) + "cooldownExamples: " + message, mistakes(RECIPE, cool));
    assertEquals(
        "recipe.yaml:32:54: stages[1].optimizer.groups.vision.schedule.linear.warmupExamples: "
            + message,
        mistakesAfter("{linear: {warmupExamples: 512}}", "{linear: {warmupExamples: 1024}}"));
    // A group that does not move has no rate.
    bind(
        RECIPE.replace(
            "schedule: {linear: {warmupExamples: 512}}}",
            "schedule: {linear: {warmupExamples: 1024}}, frozen: true}"));
    // One step needs no curve, and one that goes on over two stages ends with the second.
    bind(RECIPE, "stages.stage1.examples=8", "stages.stage1.optimizer.groups={}");
    String second =
        RECIPE
            + """
              - name: stage2
                init: {stage: stage1}
                examples: 64
                resolution: 28
                textTokens: 16
                batchSize: 8
                mixture: {caption: 1}
                handOver: {schedule: %s}
                optimizer: {learningRate: 1e-4, schedule: {constant: {warmupExamples: 64}}}
            """;
    bind(second.formatted("continue"));
    assertTrue(mistakes(second.formatted("restart")).contains("which ends at 64 examples, got 64"));
  }

  // ---- names -------------------------------------------------------------------------------

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "report.md | has another meaning in the run folder",
        "Recipe.YAML | has another meaning in the run folder",
        "data | has another meaning in the run folder",
        "environment.json | has another meaning in the run folder",
        ". | must be letters, digits",
        "../elsewhere | must be letters, digits",
        "STAGE0 | only differs from 'stage0' in upper and lower case",
        "Towers | is the folder that prepare.towers.out creates",
      })
  void aStageWhoseFolderIsSomethingElsesIsAMistake(String name, String message) {
    String found =
        mistakes(
            RECIPE,
            "stages[1].name='" + name + "'",
            "prepare={towers: {out: '${run}/towers/drawn', resolution: 28}}");
    assertTrue(found.contains("stages[1].name: "), found);
    assertTrue(found.contains(message), found);
  }

  @Test
  void namesOfTasksSuitesAndTheRecipeAreFileNames() {
    String text =
        RECIPE
            .replace("name: small", "name: ../small")
            .replace("  heldout:\n", "  \"held\\aout\":\n")
            .replace(
                "      caption: {source: {jsonl: heldout.jsonl}}",
                "      {a/b: {source: {jsonl: x}}, x: {source: {jsonl: x}}, X: {source: {jsonl:"
                    + " x}}, .x: {source: {jsonl: x}}}")
            .replace(
                "  caption: {source: {jsonl: caption.jsonl}}",
                "  \"cap\\u202Etion\": {source: {jsonl: c}}");
    String found = mistakes(text);
    for (String message :
        List.of(
            "name: is a name with a slash",
            "suites.held\\u0007out: is a name with the control character U+0007",
            "tasks.a/b: is a name with a slash",
            "tasks.X: only differs from 'x' in upper and lower case",
            ".tasks[.x]: is a name that begins with a dot",
            "tasks.cap\\u202Etion: is a name with the control character U+202E")) {
      assertTrue(found.contains(message), message + " in\n" + found);
    }
    assertTrue(found.chars().noneMatch(c -> c == 7 || c == 0x202E), "a control character is shown");
  }

  // ---- hostile texts -----------------------------------------------------------------------

  private static String laughs(int levels, int each) {
    StringBuilder text = new StringBuilder("a0: &a0 [x, x]\n");
    for (int i = 1; i <= levels; i++) {
      text.append("a%d: &a%d [".formatted(i, i))
          .append(String.join(", ", java.util.Collections.nCopies(each, "*a" + (i - 1))))
          .append("]\n");
    }
    return text.toString();
  }

  /** Sentences, within the default heap and seconds; the text of each would fill any memory. */
  @Test
  @Timeout(60) // two seconds where the machine has nothing else to do
  void textsThatGrowAreRefusedInASentence() {
    String tooMany = "expands to more than 100000 values once its aliases are resolved";
    String merged = "a0: &a0 {k: [x, x, x, x]}\n";
    for (int i = 1; i < 40; i++) {
      merged += "a%d: &a%d {l: {<<: *a%d}, m: {<<: *a%d}}\n".formatted(i, i, i - 1, i - 1);
    }
    for (Map.Entry<String, String> hostile :
        Map.of(
                laughs(16, 3),
                tooMany,
                laughs(60, 9),
                "",
                laughs(9, 9),
                tooMany,
                merged,
                tooMany,
                "a: &a [*a]",
                "contains itself through an alias",
                "a: &a {<<: *a}",
                "contains itself through an alias",
                "[".repeat(500_000),
                "is not valid YAML",
                "name: "
                    + "x".repeat(300_000)
                    + "\n"
                    + RECIPE.replace("name: small\n", "seed: 1\n"),
                "name",
                RECIPE.replace("seed: 7", "seed: " + "7".repeat(300_000)),
                "7... (300000 characters)",
                RECIPE.replace("seed: 7", "? " + "k".repeat(300_000) + "\n: 1"),
                "unknown key 'kkk")
            .entrySet()) {
      String found = mistakes(hostile.getKey());
      assertTrue(found.contains(hostile.getValue()), found);
      assertTrue(found.length() < 20_000, () -> found.length() + " characters");
    }
  }

  @Test
  void aThousandMistakesAreCounted() {
    StringBuilder text = new StringBuilder(RECIPE);
    for (int i = 0; i < 1000; i++) {
      text.append("key%d: 1\n".formatted(i)).append("key%d: 2\n".formatted(i));
    }
    assertTrue(mistakes(text.toString()).endsWith("has 1900 more mistakes"));
  }

  @Test
  void aFileWithoutEndIsNotReadToIt(@TempDir Path folder) throws IOException {
    Path large = folder.resolve("large.yaml");
    Files.writeString(large, "#".repeat(4 << 20));
    InvalidConfigException e =
        assertThrows(InvalidConfigException.class, () -> Recipes.bind(large, List.of(), Map.of()));
    assertEquals("is larger than 1 MiB and cannot be a recipe", e.problems().get(0).message());
  }

  // ---- files -------------------------------------------------------------------------------

  @Test
  void aMissingFileSuggestsItsNeighbour(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("rehearsal.yaml"), RECIPE);
    InvalidConfigException e =
        assertThrows(
            InvalidConfigException.class,
            () -> Recipes.bind(folder.resolve("rehersal.yaml"), List.of(), Map.of()));
    assertEquals("no such file; did you mean 'rehearsal.yaml'?", e.problems().get(0).message());
  }
}
