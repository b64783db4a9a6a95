package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.data.ImageConfig;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A benchmark: what is asked, how the answer is generated, and how it is scored. This record holds
 * everything in the definition that affects the score.
 *
 * @param name short name; the file that defines the benchmark has the same name
 * @param version increased whenever a change to the definition could alter a score
 * @param title human-readable title
 * @param prompt template of the prefix; {@code {question}}, {@code {language}}, {@code {choices}}
 *     (joined by {@code choiceSeparator}), {@code {letteredChoices}} ({@code (A) red (B) blue}) and
 *     any other field of an example are filled in
 * @param choiceSeparator text between two choices
 * @param textTokens number of text positions for prompt and answer together; longer prompts are
 *     truncated on the right, as in the transfer's training
 * @param image how pictures are decoded and resized
 * @param frames for videos: the number of frames shown to the model; 0 for pictures
 * @param frameStride for videos: the distance between two frames that are used, in frames
 * @param decode how answers are decoded
 * @param postprocess changes made to an answer before it is scored, in order
 * @param reference template of fields that makes the reference; absent: the file's references
 * @param dropEmptyReferences whether empty references are left out, along with questions that then
 *     have none
 * @param metrics metrics as {@code name:variant}; the first one gives the headline score
 * @param split the split that is scored
 * @param examples the number of examples that the split must have; 0 if unknown
 * @param data the layouts in which the data folder may hold the files; the first complete one is
 *     read
 * @param published scores that a paper reports
 * @param note a remark for readers of the score
 */
public record BenchmarkConfig(
    String name,
    int version,
    String title,
    String prompt,
    @Default("\" \\t \"") String choiceSeparator,
    int textTokens,
    @Default("{}") ImageConfig image,
    @Default("0") int frames,
    @Default("1") int frameStride,
    @Default("{}") DecodeConfig decode,
    @Default("[]") List<Postprocess> postprocess,
    @Nullable String reference,
    @Default("false") boolean dropEmptyReferences,
    List<String> metrics,
    String split,
    @Default("0") long examples,
    List<Data> data,
    @Default("[]") List<Published> published,
    @Default("''") String note) {

  /** A change to an answer. */
  public enum Postprocess {
    /** Converts to lower case, independent of locale. */
    LOWER,
    /** Removes white space at both ends. */
    STRIP
  }

  /** Checks ranges, and that at least one metric and one layout are given. */
  public BenchmarkConfig {
    new Check()
        .range("version", version, 1, 1_000_000, "")
        .range("textTokens", textTokens, 1, Check.MOST_TOKENS, "tokens")
        .range("frames", frames, 0, 10_000, "frames")
        .range("frameStride", frameStride, 1, 1_000_000, "frames")
        .examples("examples", examples)
        .that(!metrics.isEmpty(), "metrics", "must name at least one metric")
        .that(!data.isEmpty(), "data", "must name at least one layout of the files")
        .done();
    postprocess = List.copyOf(postprocess);
    metrics = List.copyOf(metrics);
    data = List.copyOf(data);
    published = List.copyOf(published);
  }

  /** The benchmark with another prompt. */
  public BenchmarkConfig withPrompt(String other) {
    return new BenchmarkConfig(
        name,
        version,
        title,
        other,
        choiceSeparator,
        textTokens,
        image,
        frames,
        frameStride,
        decode,
        postprocess,
        reference,
        dropEmptyReferences,
        metrics,
        split,
        examples,
        data,
        published,
        note);
  }

  /**
   * The files of a benchmark in one published layout.
   *
   * @param format the layout
   * @param files file names by the layout's names for them, relative to the data folder; the last
   *     part of a Parquet name may contain {@code *}
   * @param images folder of the pictures, or of one folder of frames for each video, relative to
   *     the data folder; absent when the files contain the pictures
   * @param fields for Parquet: the column that holds {@code id}, {@code question}, {@code
   *     references}, {@code images} or any other field, where the column has another name
   * @param keep by field: only examples whose field has one of these values are kept
   * @param rotations Open Images' table of picture rotations, relative to the data folder. Its
   *     columns are {@code ImageID}, which matches an example's field {@code image_id}, and {@code
   *     Rotation}, the counterclockwise rotation in degrees that makes the picture upright. If the
   *     file is missing, pictures are used as stored, and the results say so
   * @param from where to get the files
   */
  public record Data(
      BenchmarkFormat format,
      Map<String, String> files,
      @Nullable String images,
      @Default("{}") Map<String, String> fields,
      @Default("{}") Map<String, List<String>> keep,
      @Nullable String rotations,
      String from) {
    /** Checks the names of the files. */
    public Data {
      Check check = new Check();
      checkFiles(check, format, files);
      check.done();
      files = Collections.unmodifiableMap(new LinkedHashMap<>(files));
      fields = Collections.unmodifiableMap(new TreeMap<>(fields));
      Map<String, List<String>> kept = new TreeMap<>();
      keep.forEach((field, values) -> kept.put(field, List.copyOf(values)));
      keep = Collections.unmodifiableMap(kept);
    }

    private static void checkFiles(
        Check check, @Nullable BenchmarkFormat format, Map<String, String> files) {
      if (format == null) {
        return; // reported as a mistake of its own
      }
      List<String> names = format.files();
      check.that(!files.isEmpty(), "files", "must name at least one file");
      Set<String> missing = new LinkedHashSet<>(names);
      missing.removeAll(files.keySet());
      check.that(missing.isEmpty(), "files", "lacks %s", String.join(", ", missing));
      for (String name : names.isEmpty() ? Set.<String>of() : files.keySet()) {
        check.that(
            names.contains(name),
            "files." + name,
            "is not a file of this layout%s",
            Suggestion.among(name, names));
      }
    }
  }

  /**
   * One row of a paper's table of results.
   *
   * @param row the name of the row in the table
   * @param paper {@code paligemma} or {@code paligemma2-3b}
   * @param quantity which quantity of the first metric the row reports; absent: the headline
   * @param split the split that the paper scored, if it differs from this benchmark's
   * @param scores scores by resolution in pixels, in the paper's units: 100 times the metric's
   *     value
   */
  public record Published(
      String row,
      @Default("paligemma") String paper,
      @Nullable String quantity,
      @Nullable String split,
      Map<String, Double> scores) {
    /** Checks that the keys of {@code scores} are resolutions. */
    public Published {
      Check check = new Check();
      for (String resolution : scores.keySet()) {
        check.that(
            resolution.matches("\\d{2,4}"),
            "scores." + resolution,
            "must be a resolution in pixels");
      }
      check.done();
      scores = Collections.unmodifiableMap(new TreeMap<>(scores));
    }

    /** The score at a resolution, if the paper has it. */
    public @Nullable Double at(int resolution) {
      return scores.get(Integer.toString(resolution));
    }
  }
}
