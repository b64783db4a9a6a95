package dev.palimpsest.stages;

import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import dev.palimpsest.configs.binding.Recipes;
import dev.palimpsest.model.kernels.Kernels;
import dev.palimpsest.stages.folder.RunFolder;
import dev.palimpsest.stages.logs.StepMetrics;
import dev.palimpsest.stages.training.Progress;
import dev.palimpsest.stages.training.StopRequest;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A recipe for a tiny model, which is run in folders.
 *
 * @param recipe YAML
 * @param variables for it besides {@code ${run}}; {@code ${data}}, the folder of the drawn data and
 *     towers, is the run folder unless it is among them
 */
public record TinyRun(String recipe, Map<String, String> variables) {
  private static final String HEAD =
      """
      name: tiny
      seed: 3
      threads: 1
      prepare:
        playground: {out: '${data}/data', trainImages: 12, heldOutImages: 6}
        towers: {out: '${data}/towers', resolution: 16}
      tokenizer: {path: '${data}/data/tokenizer.model'}
      model:
        vision: {width: 16, depth: 1, mlpWidth: 32, heads: 2, patchSize: 8}
        language: {vocabulary: 1728, width: 16, depth: 1, mlpWidth: 32, heads: 2, keyValueHeads: 1,
          headDim: 8, queryScalar: 8}
      """;

  private static final String IMPORT =
      """
      stages:
        - name: stage0
          init: {pretrained: {vision: '${data}/towers/siglip.npz', language: '${data}/towers/gemma'}}
          resolution: 16
          textTokens: 16
          export: {formats: []}
      """;

  /**
   * A recipe that begins with an import, {@code stage0}.
   *
   * @param tasks {@code tasks:} and {@code suites:}
   * @param stages members of {@code stages:} after the import
   */
  public static TinyRun of(String tasks, String stages) {
    return new TinyRun(HEAD + tasks + IMPORT + stages, Map.of());
  }

  /** The same with a variable for the recipe. */
  TinyRun with(String variable, Path value) {
    Map<String, String> more = new HashMap<>(variables);
    more.put(variable, value.toString());
    return new TinyRun(recipe, more);
  }

  /** The recipe as a run in a folder takes it. */
  public PipelineConfig bind(Path out, String... sets) {
    Map<String, String> all = new HashMap<>(Map.of("run", out.toString(), "data", out.toString()));
    all.putAll(variables);
    return Recipes.bind(recipe, "tiny.yaml", List.of(sets), all);
  }

  /** The recipe's stages from first parameters or from where the folder stands to their ends. */
  public List<StageResult> run(Path out, String... sets) {
    return watched(out, new StopRequest(), step -> {}, sets);
  }

  /** The same with {@code --accept-changes}. */
  public List<StageResult> accepting(Set<String> stages, Path out, String... sets) {
    return run(out, new StopRequest(), step -> {}, stages, sets);
  }

  /** The same, calling back after every step. */
  List<StageResult> watched(
      Path out, StopRequest stop, Consumer<StepMetrics> afterStep, String... sets) {
    return run(out, stop, afterStep, Set.of(), sets);
  }

  /** A run that ends after some steps. What is on disk then is what a kill leaves. */
  public void crash(Path out, int afterSteps, String... sets) {
    int[] left = {afterSteps};
    Consumer<StepMetrics> countDown =
        step -> {
          if (--left[0] == 0) {
            throw new Crash();
          }
        };
    assertThrows(Crash.class, () -> watched(out, new StopRequest(), countDown, sets));
  }

  private static final class Crash extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private List<StageResult> run(
      Path out,
      StopRequest stop,
      Consumer<StepMetrics> afterStep,
      Set<String> acceptChanges,
      String... sets) {
    try (NDManager manager = NDManager.newBaseManager();
        Kernels kernels = Kernels.load()) {
      return new PipelineRunner(manager, kernels, new AfterStep(afterStep), stop)
          .run(
              bind(out, sets),
              new RunFolder(out),
              Map.of("commit", "0123456789abcdef"),
              acceptChanges,
              null,
              null);
    }
  }

  private record AfterStep(Consumer<StepMetrics> action) implements Progress {
    @Override
    public void start(StageConfig stage, long fromExamples) {}

    @Override
    public void step(StageConfig stage, StepMetrics metrics) {
      action.accept(metrics);
    }

    @Override
    public void end() {}
  }
}
