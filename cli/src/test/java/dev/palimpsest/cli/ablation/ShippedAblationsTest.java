package dev.palimpsest.cli.ablation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cli.ablation.Ablation.Choice;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.configs.checks.InvalidConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ShippedAblationsTest {
  private static final Path FOLDER = Path.of("..", "configs", "recipes", "ablations");

  static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void everyVariantOfEveryFileBindsAtEverySize(Path file, @TempDir Path out) {
    for (String scale : Recipes.bindAblation(file).scales().keySet()) {
      Ablation ablation = Ablation.read(file, Choice.NONE.at(scale).in(out));
      assertEquals(file.getFileName().toString(), ablation.config().name() + ".yaml");
      assertEquals(
          ablation.config().variants().size() * ablation.config().seeds().size(),
          ablation.trials().size());
      assertFalse(ablation.config().expected().isEmpty(), "it expects something");
      assertFalse(ablation.config().outcome().isEmpty(), "it says what the paper found");
      Set<Object> different =
          ablation.trials().stream().map(Ablation.Trial::recipe).collect(Collectors.toSet());
      assertEquals(ablation.trials().size(), different.size(), scale + " has equal variants");
    }
  }

  /** Sections of PaliGemma's paper with an ablation, without 6.1 and 6.2. */
  @Test
  void everyAblationOfThePaperIsThere() throws IOException {
    Set<String> sections = new TreeSet<>();
    for (Path file : files()) {
      sections.add(Recipes.bindAblation(file).source().replaceFirst("PaliGemma paper, ", ""));
    }
    for (String section : "5.1 5.2 5.3 5.4 5.5 5.6 5.7.1 5.7.2 5.7.3 5.7.4 6.3 7".split(" ")) {
      assertTrue(sections.contains("section " + section), section);
    }
    assertTrue(sections.containsAll(Set.of("appendix C", "appendix F")), sections.toString());
  }

  @Test
  void mistakesOfAllVariantsAreNamedAtOnce(@TempDir Path folder) throws IOException {
    Path recipe = FOLDER.resolve("../rehearsal.yaml").toAbsolutePath().normalize();
    Path file =
        Files.writeString(
            folder.resolve("a.yaml"),
            """
            name: a
            scales: {small: {recipe: '%s', stage: stage1, suite: heldout}}
            variants:
              one: ['stages.stage1.batchSze=8']
              two: ['stages.stage1.lossFrom=prefix']
            """
                .formatted(recipe));
    String message =
        String.valueOf(
            assertThrows(
                    InvalidConfigException.class, () -> Ablation.read(file, Choice.NONE.in(folder)))
                .getMessage());
    assertTrue(message.contains("variant one: stages[1].batchSze: unknown key"), message);
    assertTrue(message.contains("variant two: stages[1].lossFrom: is 'prefix', but"), message);

    // What the command sets is in all variants, and is said once.
    Choice choice = new Choice(null, List.of("stages.stage1.exmples=8"), List.of(), folder, null);
    message =
        String.valueOf(
            assertThrows(InvalidConfigException.class, () -> Ablation.read(file, choice))
                .getMessage());
    assertEquals(2, message.split("stages\\[1\\].exmples: unknown key", -1).length, message);
    assertTrue(message.contains("--set stages.stage1.exmples=8: stages[1].exmples"), message);

    Path other =
        Files.writeString(
            folder.resolve("b.yaml"),
            """
            name: b
            scales:
              small:
                recipe: '%s'
                stage: stage7
                suite: heldout
                expected: [{variant: onne, is: better, than: two}]
            variants: {one: [], two: []}
            expected: [{variant: one, is: better, than: tow}]
            """
                .formatted(recipe));
    message =
        String.valueOf(
            assertThrows(
                    InvalidConfigException.class,
                    () -> Ablation.read(other, Choice.NONE.in(folder)))
                .getMessage());
    assertTrue(message.contains("expected[0].than: 'tow' is not a variant"), message);
    assertTrue(
        message.contains("scales.small.expected[0].variant: 'onne' is not a variant"), message);

    Path third =
        Files.writeString(
            folder.resolve("c.yaml"),
            """
            name: c
            scales: {small: {recipe: '%s', stage: stage1, suite: heldout, metric: cidre}}
            variants: {one: [], two: []}
            """
                .formatted(recipe));
    message =
        String.valueOf(
            assertThrows(
                    InvalidConfigException.class,
                    () -> Ablation.read(third, Choice.NONE.in(folder)))
                .getMessage());
    assertTrue(
        message.contains("scales.small.metric: 'cidre' is not what task caption of suite heldout"),
        message);
  }
}
