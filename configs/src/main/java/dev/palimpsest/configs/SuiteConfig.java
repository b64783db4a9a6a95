package dev.palimpsest.configs;

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
  /** Copies. */
  public SuiteConfig {
    new Check().that(!tasks.isEmpty(), "tasks", "must name at least one task").done();
    tasks = Collections.unmodifiableMap(new java.util.LinkedHashMap<>(tasks));
  }

  /**
   * One evaluation task: a source, or a benchmark with its files. Nothing is left to chance: a row
   * is read as its first visit shows it.
   *
   * @param source where the held-out examples are
   * @param type how a row becomes prompt and reference, as in {@link TaskConfig}
   * @param fields where the source calls a field otherwise, as in {@link TaskConfig}
   * @param orientation which way up pictures are seen, as in {@link TaskConfig}, a benchmark's too
   * @param benchmark a name from {@code tasks list}, or a file that ends in {@code .yaml}; instead
   *     of a source
   * @param dataDir of a benchmark: the folder of its files
   * @param prompt template in place of the source's or the benchmark's prompts, such as {@code
   *     answer en {question}}
   * @param metrics {@code name:variant} each; absent: a benchmark's own. A source's examples are
   *     always scored by exact match and token accuracy besides
   * @param limit how many examples are scored, from the first; 0 for all
   * @param decode how answers are made; absent: a benchmark's own, for a source greedily up to 32
   *     tokens
   * @param maxNewTokens short for {@code decode: {maxNewTokens: ...}}
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
              "must be there, or 'benchmark' in its place, and not both")
          .that(
              benchmark == null || dataDir != null,
              "dataDir",
              "is required of a benchmark: the folder of its files")
          .that(
              benchmark != null || dataDir == null,
              "dataDir",
              "belongs to a benchmark; a source says itself where it is")
          .that(
              decode == null || maxNewTokens == null,
              "maxNewTokens",
              "is short for decode.maxNewTokens; give one of them");
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
          Objects.requireNonNull(source, "a benchmark is no task"),
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
