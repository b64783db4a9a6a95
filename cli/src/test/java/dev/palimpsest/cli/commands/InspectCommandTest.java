package dev.palimpsest.cli.commands;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.DrawnModel;
import dev.palimpsest.cli.Outcome;
import dev.palimpsest.cli.TinyRecipe;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.Models;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.ModelInput;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code inspect}: the page and the lines about a batch, and canaries in right and wrong masks. */
class InspectCommandTest {
  @TempDir Path folder;

  @Test
  void aBatchIsShownAsTheModelSeesIt() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "seen",
            """
            tasks:
              detect: {source: {jsonl: '${run}/data/detect.train.jsonl'}}
            stages:
              - name: stage1
                init: %s
                examples: 16
                resolution: 16
                textTokens: 24
                batchSize: 8
                logEveryExamples: 8
                mixture: {detect: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                evaluate: {before: false, after: false}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Path out = folder.resolve("run");
    assertEquals(0, Outcome.of("run", recipe.toString(), "--out", out.toString()).exit());
    Path html = folder.resolve("batch.html");
    Outcome outcome =
        Outcome.of(
            "inspect",
            recipe.toString(),
            "--out",
            out.toString(),
            "--stage",
            "stage1",
            "--position",
            "3",
            "--examples",
            "2",
            "--checkpoint",
            out.toString(),
            "--html",
            html.toString(),
            "--set",
            "stages.stage1.imageRopeFactor=4");
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(
        outcome.out().contains("4 image tokens; rotary positions of image tokens divided by 4;"),
        outcome.out());
    assertTrue(outcome.out().contains("position 3: detect/"), outcome.out());
    assertTrue(outcome.out().contains("position 4: detect/"), outcome.out());
    // BOS is never predicted, and every target token has a loss near that of guessing.
    assertTrue(
        Pattern.compile("(?m)^ +0 +2  BOS +<bos> +-$").matcher(outcome.out()).find(),
        outcome.out());
    Matcher loss = Pattern.compile("loss (\\d+\\.\\d+): ").matcher(outcome.out());
    assertTrue(loss.find(), outcome.out());
    assertEquals(Math.log(1728), Double.parseDouble(loss.group(1)), 3);

    String page = Files.readString(html);
    assertFalse(
        Pattern.compile("(?:src|href)=\"(?!data:|#)").matcher(page).find(), "refers to a file");
    assertEquals(2, count(page, "class=\"attention\""));
    assertEquals(2, count(page, "alt=\"Picture 1 of"));
    assertTrue(count(page, "class=\"frame") >= 2, "every detection has a box");
    assertTrue(page.contains("class=\"tok t-separator\""), "the separator");
    assertTrue(page.contains("class=\"tok t-suffix loss\""), "targets count in the loss");
    assertFalse(page.contains("class=\"tok t-prefix loss\""), "prompts do not");
    assertTrue(page.contains("class=\"tok t-padding\""), "padding");
    assertEquals(2, count(page, "<table class=\"losses\">"));

    JsonNode json =
        Json.STRICT.readTree(
            Outcome.of(
                    "inspect",
                    recipe.toString(),
                    "--out",
                    out.toString(),
                    "--examples",
                    "1",
                    "--checkpoint",
                    out.toString(),
                    "--json")
                .out());
    JsonNode example = json.path("examples").path(0);
    JsonNode tokens = example.path("tokens");
    assertEquals(24 + 1, tokens.size(), "the last one is predicted");
    assertEquals("bos", tokens.path(0).path("role").asText());
    assertTrue(tokens.path(0).path("losses").path(0).isNull(), tokens.toString());
    assertEquals(
        example.path("losses").path(0).asDouble(),
        StreamSupport.stream(tokens.spliterator(), false)
            .filter(token -> token.path("supervised").asBoolean())
            .mapToDouble(token -> token.path("losses").path(0).asDouble())
            .average()
            .orElseThrow(),
        1e-9);
    // Four image tokens and the prompt see each other; what follows sees one more with each row.
    int prompt = 4;
    while (tokens.path(prompt - 4).path("role").asText().matches("bos|prefix|separator")) {
      prompt++;
    }
    JsonNode mask = example.path("mask");
    assertEquals(
        Json.STRICT.readTree("{\"from\":0,\"to\":%1$d,\"sees\":[[0,%1$d]]}".formatted(prompt)),
        mask.path(0));
    assertEquals(
        Json.STRICT.readTree(
            "{\"from\":%1$d,\"to\":%2$d,\"sees\":[[0,%2$d]]}".formatted(prompt, prompt + 1)),
        mask.path(1));
  }

  /** The loss that the page shows is the loss that training logs for the same examples. */
  @Test
  void theLossIsThatOfTraining() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "same",
            """
            tasks:
              caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
            stages:
              - name: stage0
                init: %s
                resolution: 16
                textTokens: 16
                evaluate: {before: false, after: false}
                export: {formats: []}
              - name: stage1
                init: {stage: stage0}
                examples: 4
                resolution: 16
                textTokens: 16
                batchSize: 4
                mixture: {caption: 1}
                optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
                evaluate: {before: false, after: false}
                export: {formats: []}
            """
                .formatted(TinyRecipe.IMPORT));
    Path out = folder.resolve("run");
    assertEquals(0, Outcome.of("run", recipe.toString(), "--out", out.toString()).exit());
    Matcher logged =
        Pattern.compile("\"loss\":([0-9.]+)")
            .matcher(Files.readString(out.resolve("stage1/metrics.jsonl")));
    assertTrue(logged.find());
    Outcome outcome =
        Outcome.of(
            "inspect",
            recipe.toString(),
            "--out",
            out.toString(),
            "--checkpoint",
            out.resolve("stage0").toString());
    double sum = 0;
    Matcher loss = Pattern.compile("(?m)^  loss ([0-9.]+): ").matcher(outcome.out());
    int n = 0;
    while (loss.find()) {
      sum += Double.parseDouble(loss.group(1));
      n++;
    }
    assertEquals(4, n, outcome.out());
    assertEquals(Double.parseDouble(logged.group(1)), sum / n, 2e-4); // four digits are shown
    Outcome windows =
        Outcome.of(
            "inspect",
            recipe.toString(),
            "--out",
            out.toString(),
            "--set",
            "stages.stage1.imageWindow=8",
            "--checkpoint",
            out.resolve("stage0").toString());
    assertEquals(2, windows.exit(), windows.toString());
    assertTrue(
        windows.err().contains("this stage's image tower, which encodes 8px at a time, has 1;"),
        windows.err());
  }

  @Test
  void mistakesAreToldInWords() throws IOException {
    Path recipe =
        TinyRecipe.write(
            folder,
            "wrong",
            """
            tasks: {caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}}
            stages:
              - {name: stage1, init: {checkpoint: none}, examples: 4, resolution: 16, textTokens: 16, batchSize: 4,
                 mixture: {caption: 1}, optimizer: {learningRate: 1e-3, schedule: {constant: {}}}}
            """);
    Outcome stage = Outcome.of("inspect", recipe.toString(), "--stage", "stage9");
    assertEquals(2, stage.exit());
    assertTrue(stage.err().contains("the stages that train are: stage1"), stage.err());
    Outcome position =
        Outcome.of(
            "inspect",
            recipe.toString(),
            "--out",
            folder.resolve("run").toString(),
            "--position",
            "4");
    assertEquals(2, position.exit());
    assertTrue(position.err().contains("--position must be 0 to 3"), position.err());
  }

  @Test
  void canariesLiveInTheMasksOfACheckpoint() throws IOException {
    DrawnModel drawn = DrawnModel.write(folder);
    for (Path model : List.of(drawn.training(), drawn.export())) {
      Outcome outcome = Outcome.of("inspect", "--canaries", model.toString());
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(outcome.out().contains("11 canaries live"), outcome.out());
      assertFalse(outcome.out().contains("DEAD"), outcome.out());
    }
    Outcome rounded =
        Outcome.of(
            "inspect", "--canaries", drawn.training().toString(), "--precision", "bf16", "--json");
    assertEquals(0, rounded.exit(), rounded.toString());
    JsonNode verdicts = Json.STRICT.readTree(rounded.out());
    assertEquals(11, verdicts.size());
    verdicts.forEach(one -> assertTrue(one.path("holds").asBoolean(), one.toString()));
  }

  @Test
  void canariesDieInWrongMasks() throws IOException {
    DrawnModel drawn = DrawnModel.write(folder);
    // Everything sees everything: a target is seen before it is predicted.
    assertEquals(
        List.of("a later target token", "a later target token, packed"),
        dead(drawn, step -> 0, "a later target token"));
    // Everything is causal: a prompt does not see its own end.
    assertEquals(
        List.of("the last prompt token", "the last prompt token, packed"),
        dead(drawn, step -> 1, "the last prompt token"));
    // Padding belongs to the last target token's block, and is seen by it.
    assertEquals(List.of("padding"), dead(drawn, at -> at < 5 || at >= 9 ? 0 : 1, "padding"));
  }

  /** Names of the dead canaries about something when each text position has this causal mask. */
  private List<String> dead(DrawnModel drawn, IntUnaryOperator mask, String about)
      throws IOException {
    try (Machine machine = Machine.open("cpu", 1);
        NDManager manager = machine.manager().newSubManager()) {
      SavedModel saved = SavedModel.read(drawn.training(), null, manager);
      VisionLanguageModel right = Models.of(saved.config(), Precision.F32, machine.kernels());
      VisionLanguageModel wrong =
          (VisionLanguageModel)
              Proxy.newProxyInstance(
                  VisionLanguageModel.class.getClassLoader(),
                  new Class<?>[] {VisionLanguageModel.class},
                  (proxy, method, args) -> {
                    for (int i = 0; i < args.length; i++) {
                      args[i] = args[i] instanceof ModelInput input ? with(input, mask) : args[i];
                    }
                    return method.invoke(right, args);
                  });
      return new Canaries(
              wrong,
              Weights.of(saved.parameters()),
              saved.config(),
              saved.resolution(),
              true,
              manager)
          .release().stream()
              .filter(verdict -> !verdict.holds() && verdict.change().startsWith(about))
              .map(Canaries.Verdict::change)
              .toList();
    }
  }

  private static ModelInput with(ModelInput input, IntUnaryOperator mask) {
    NDArray old = input.maskAr();
    int columns = (int) old.getShape().get(1);
    long[] values = new long[(int) old.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = mask.applyAsInt(i % columns);
    }
    NDArray wrong = old.getManager().newSubManager(Device.cpu()).create(values, old.getShape());
    return new ModelInput(input.images(), input.text(), wrong, input.sequences());
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }
}
