package dev.palimpsest.configs;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A recipe: one run.
 *
 * @param name short name; the run folder's default name
 * @param description what the run is for
 * @param seed seed of everything random in the run
 * @param threads compute threads; absent: all processors. Sums are split by thread, so another
 *     number gives other last bits
 * @param prepare what is drawn or written before stage 0
 * @param tokenizer the tokenizer of all stages
 * @param model sizes
 * @param tasks training tasks by name
 * @param suites evaluation suites by name
 * @param exclude a list of examples that no stage trains on, as {@code dedup} writes it
 * @param dedup how much of the suites may stand in the training data; absent: nothing is compared
 * @param stages in recipe order; {@code init.stage} makes them a DAG
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
    List<StageConfig> stages) {
  /** Copies. References between parts are checked where a recipe is bound. */
  public PipelineConfig {
    if (threads != null) {
      new Check().range("threads", threads, 1, 1024, "threads").done();
    }
    tasks = Collections.unmodifiableMap(new LinkedHashMap<>(tasks));
    suites = Collections.unmodifiableMap(new LinkedHashMap<>(suites));
    stages = List.copyOf(stages);
  }

  /** Compute threads of the run. */
  public int computeThreads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }
}
