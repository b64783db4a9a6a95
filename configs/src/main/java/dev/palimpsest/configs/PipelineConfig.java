package dev.palimpsest.configs;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.data.DedupConfig;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.evaluation.SuiteConfig;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A recipe: everything that defines a run.
 *
 * @param name short name; also the default name of the run folder
 * @param description the purpose of the run, for people
 * @param seed seed of every random choice in the run
 * @param threads number of compute threads; absent: one for each processor. Sums are split between
 *     threads, so that a different number changes the last bits of results
 * @param prepare data and checkpoints that are generated before the first stage
 * @param tokenizer the tokenizer of all stages
 * @param model sizes of the model
 * @param tasks training tasks by name
 * @param suites evaluation suites by name
 * @param exclude file that lists the examples that no stage trains on, as written by the {@code
 *     dedup} command
 * @param dedup how much of the suites may occur in the training data; absent: no comparison is made
 * @param ranks how several processes that train together divide their work
 * @param cluster the machines of the run and how they fail, for {@code goodput}; absent: they are
 *     not known. It changes no number of the run
 * @param onEnd a command to run when the run has ended; absent: none
 * @param stages stages in the order in which they run; {@code init.stage} names a stage's parent,
 *     so that they form a directed acyclic graph
 */
public record PipelineConfig(
    String name,
    @Default("''") String description,
    @Default("0") long seed,
    @Nullable Integer threads,
    @Nullable PrepareConfig prepare,
    TokenizerConfig tokenizer,
    ModelConfig model,
    @Default("{}") Map<String, TaskConfig> tasks,
    @Default("{}") Map<String, SuiteConfig> suites,
    @Nullable String exclude,
    @Nullable DedupConfig dedup,
    @Default("{}") RanksConfig ranks,
    @Nullable ClusterConfig cluster,
    @Nullable OnEndConfig onEnd,
    List<StageConfig> stages) {
  /**
   * Checks {@code threads} and keeps unmodifiable copies. References between parts are checked when
   * the recipe is bound.
   */
  public PipelineConfig {
    if (threads != null) {
      new Check().range("threads", threads, 1, 1024, "threads").done();
    }
    tasks = Collections.unmodifiableMap(new LinkedHashMap<>(tasks));
    suites = Collections.unmodifiableMap(new LinkedHashMap<>(suites));
    stages = List.copyOf(stages);
  }

  /** The same recipe with other stages. */
  public PipelineConfig withStages(List<StageConfig> others) {
    return new PipelineConfig(
        name,
        description,
        seed,
        threads,
        prepare,
        tokenizer,
        model,
        tasks,
        suites,
        exclude,
        dedup,
        ranks,
        cluster,
        onEnd,
        others);
  }

  /** Compute threads of the run. */
  public int computeThreads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }
}
