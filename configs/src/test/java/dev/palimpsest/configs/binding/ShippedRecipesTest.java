package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.ImageConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.yaml.snakeyaml.Yaml;

class ShippedRecipesTest {
  private static final Path SCHEMA = Path.of("schema", "recipe.schema.json");
  private static final Path REFERENCE = Path.of("..", "docs", "recipe-reference.md");

  static List<Path> recipes() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("recipes"))) {
      return files
          .filter(file -> file.toString().endsWith(".yaml"))
          .filter(file -> !file.startsWith(Path.of("recipes", "ablations"))) // of another kind
          .sorted()
          .toList();
    }
  }

  private static PipelineConfig bind(Path recipe) {
    return Recipes.bind(recipe, List.of(), Map.of("run", "/runs/shipped"));
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void everyShippedRecipeBinds(Path recipe) {
    bind(recipe);
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void everyShippedRecipeIsCalledAsItsFile(Path recipe) {
    assertEquals(recipe.getFileName().toString(), bind(recipe).name() + ".yaml");
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void everyShippedRecipeOpensWithWhatItCostsAndHowItIsRun(Path recipe) throws IOException {
    String header =
        Files.readAllLines(recipe).stream()
            .takeWhile(line -> line.startsWith("#"))
            .collect(Collectors.joining("\n"));
    assertTrue(header.contains("# Cost ") && header.contains("# Run  "), header);
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void aWrittenRecipeBindsBackToAnEqualValue(Path recipe) {
    PipelineConfig bound = bind(recipe);
    String written = ConfigYaml.write(bound);
    PipelineConfig again = Recipes.bind(written, "written.yaml", List.of(), Map.of());
    assertEquals(bound, again);
    assertEquals(written, ConfigYaml.write(again));
    assertEquals(Fingerprint.of(bound), Fingerprint.of(again));
  }

  /** big_vision, configs/proj/paligemma/transfers/forkme.py at 0127fb6, lines 106 to 147. */
  @Test
  void theTransferIsBigVisionsTemplate() throws IOException {
    Path recipe = Path.of("recipes", "forkme.yaml");
    StageConfig stage = bind(recipe).stages().get(0);
    OptimizerConfig optimizer = Objects.requireNonNull(stage.optimizer());
    assertEquals(224, stage.resolution());
    assertEquals(128, stage.textTokens());
    assertEquals(32, stage.batchSize());
    assertEquals(new ImageConfig(ImageConfig.Resize.BILINEAR, true), stage.image());
    assertEquals(1e-5, optimizer.learningRate());
    assertEquals(3e-7, optimizer.weightDecay());
    assertEquals(1.0, optimizer.clipNorm());
    assertEquals(0, stage.labelSmoothing());
    assertEquals(0, stage.dropout());
    assertEquals(0.05, 240.0 / stage.examples());
    // Line 147: of PaliGemma 2's soft-caps the final one alone is switched off.
    String text = Files.readString(recipe);
    assertTrue(text.contains("finalSoftcap: 0"), text);
    assertFalse(text.contains("attentionSoftcap"), text);
  }

  /** The validator is not the project's: it reads the schema as editors do. */
  @ParameterizedTest
  @MethodSource("recipes")
  void everyShippedRecipeFollowsTheSchema(Path recipe) throws IOException {
    assertEquals(Set.of(), violations(Files.readString(recipe)));
    assertEquals(Set.of(), violations(ConfigYaml.write(bind(recipe))));
  }

  @ParameterizedTest
  @CsvSource({
    "beta2: 0.999, beta3: 0.999",
    "resize: bilinear, resize: nearest",
    "resolution: 224, resolution: big",
    "preset: gemma-2b, preset: gemma-3b",
    "cosine:, cosin:",
    "textTokens: 128, logEveryExamples: 8",
  })
  void theSchemaFindsWhatIsMisspeltOrOfTheWrongType(String before, String after)
      throws IOException {
    String recipe = Files.readString(Path.of("recipes", "forkme.yaml"));
    assertTrue(recipe.contains(before), before);
    assertNotEquals(Set.of(), violations(recipe.replace(before, after)));
  }

  private static Set<String> violations(String recipe) throws IOException {
    JsonSchema schema =
        JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
            .getSchema(Files.readString(SCHEMA));
    JsonNode json = new ObjectMapper().valueToTree(new Yaml().load(recipe));
    return schema.validate(json).stream().map(Object::toString).collect(Collectors.toSet());
  }

  @Test
  void theSchemaAndTheRecipeReferenceAreCurrent() throws IOException {
    RecordDocs docs = RecordDocs.read(Path.of("src", "main", "java"));
    isCurrent(SCHEMA, RecipeSchema.json(docs));
    isCurrent(REFERENCE, RecipeReference.markdown(docs));
  }

  private static void isCurrent(Path file, String current) throws IOException {
    if (Boolean.getBoolean("palimpsest.write")) {
      Files.writeString(file, current);
    }
    assertEquals(
        current,
        Files.readString(file),
        "the records or their Javadoc have changed; write the schema and the reference with"
            + " mvn -pl configs test -Dtest=ShippedRecipesTest -Dpalimpsest.write=true");
  }

  /** Every value of a recipe in turn is replaced by one that fits nowhere. */
  @Test
  void anyWrongValueIsReportedWhereItWasGivenAndNowhereElse() {
    Path recipe = Path.of("recipes", "paligemma-3b.yaml");
    Set<String> paths = Fingerprint.values(bind(recipe)).keySet();
    assertTrue(paths.size() > 150, paths.toString());
    for (String path : paths) {
      String set = path + "=[[]]";
      InvalidConfigException e =
          assertThrows(
              InvalidConfigException.class,
              () -> Recipes.bind(recipe, List.of(set), Map.of()),
              path);
      for (Problem problem : e.problems()) {
        assertEquals("--set " + set, String.valueOf(problem.place()), e.getMessage());
      }
    }
  }

  /** The published facts of the paper's stages, against slips of the hand in the recipe. */
  @Test
  void paliGemmasStagesAreThePapers() {
    List<StageConfig> stages = bind(Path.of("recipes", "paligemma-3b.yaml")).stages();
    assertEquals(
        List.of("224/128/0", "224/128/1000000000", "448/512/50000000", "896/512/10000000"),
        stages.stream()
            .map(s -> s.resolution() + "/" + s.textTokens() + "/" + s.examples())
            .toList());
    stages.stream()
        .skip(1)
        .map(StageConfig::optimizer)
        .forEach(o -> assertEquals(2e-5, o == null ? 0 : o.learningRate()));
  }
}
