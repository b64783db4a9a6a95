package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A set of evaluation tasks.
 *
 * @param tasks the tasks by name
 */
public record SuiteConfig(Map<String, SuiteTaskConfig> tasks) {
  /** Checks that there is at least one task. */
  public SuiteConfig {
    new Check().that(!tasks.isEmpty(), "tasks", "must name at least one task").done();
    tasks = Collections.unmodifiableMap(new java.util.LinkedHashMap<>(tasks));
  }

  /**
   * One evaluation task: a source, or a benchmark with its files. Nothing is random: each row is
   * used as on its first use in training, with everything in its order and without augmentation.
   *
   * @param source where the held-out examples are
   * @param type how a row becomes a prompt and a reference, as in a training task
   * @param fields names of the source's fields where they differ, as in a training task
   * @param orientation the orientation in which pictures are used, as in a training task; also
   *     applies to a benchmark's pictures
   * @param benchmark a name from {@code tasks list}, or a file that ends in {@code .yaml}; given
   *     instead of a source
   * @param dataDir for a benchmark: the folder that holds its files
   * @param prompt a template that replaces the prompts of the source or benchmark, such as {@code
   *     answer en {question}}
   * @param metrics metrics as {@code name:variant}; absent: the benchmark's own. The examples of a
   *     source are always scored by exact match and token accuracy as well
   * @param limit score only this many examples, from the first; 0 for all
   * @param decode how answers are decoded; absent: as the benchmark defines it, or for a source
   *     greedily with up to 32 tokens
   * @param maxNewTokens shorthand for {@code decode: {maxNewTokens: ...}}
   */
  public record SuiteTaskConfig(
      @Nullable SourceConfig source,
      @Default("{prefixSuffix: {}}") TaskType type,
      @Default("{}") Map<String, String> fields,
      @Nullable Orientation orientation,
      @Nullable String benchmark,
      @Nullable String dataDir,
      @Nullable String prompt,
      @Default("[]") List<String> metrics,
      @Default("0") long limit,
      @Nullable DecodeConfig decode,
      @Nullable Integer maxNewTokens) {
    /** Checks ranges and field names. */
    public SuiteTaskConfig {
      Check check = new Check().examples("limit", limit);
      TaskConfig.checkFields(check, source, type, fields);
      check
          .that(
              (source == null) != (benchmark == null),
              "source",
              "is required, or 'benchmark' in its place, but not both")
          .that(
              benchmark == null || dataDir != null,
              "dataDir",
              "is required for a benchmark: the folder that holds its files")
          .that(
              benchmark != null || dataDir == null,
              "dataDir",
              "is for benchmarks only; a source names its own files")
          .that(
              decode == null || maxNewTokens == null,
              "maxNewTokens",
              "is shorthand for decode.maxNewTokens; give only one of them");
      if (maxNewTokens != null) {
        check.range("maxNewTokens", maxNewTokens, 1, Check.MOST_TOKENS, "tokens");
      }
      check.done();
      fields = Collections.unmodifiableMap(new TreeMap<>(fields));
      metrics = List.copyOf(metrics);
    }

    /** Rows with {@code prefix} and {@code suffix}. */
    public SuiteTaskConfig(SourceConfig source, long limit, DecodeConfig decode) {
      this(
          source,
          new TaskType.PrefixSuffix(),
          Map.of(),
          null,
          null,
          null,
          null,
          List.of(),
          limit,
          decode,
          null);
    }

    /** A benchmark as it is. */
    public static SuiteTaskConfig ofBenchmark(String name, String dataDir) {
      return new SuiteTaskConfig(
          null,
          new TaskType.PrefixSuffix(),
          Map.of(),
          null,
          name,
          dataDir,
          null,
          List.of(),
          0,
          null,
          null);
    }

    /** The same rows as a task to train on; for tasks with a source. */
    public TaskConfig task() {
      return new TaskConfig(
          Objects.requireNonNull(source, "a benchmark is not a training task"),
          type,
          fields,
          1,
          orientation,
          0);
    }

    /**
     * How answers are made.
     *
     * @param otherwise what holds where the task says nothing
     */
    public DecodeConfig decodeOr(DecodeConfig otherwise) {
      if (decode != null) {
        return decode;
      }
      return maxNewTokens == null ? otherwise : DecodeConfig.greedy(maxNewTokens);
    }
  }
}
