package dev.palimpsest.configs;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A benchmark: what is asked, how the answer is made, and how it is judged. All of it decides the
 * score, so all of it stands here.
 *
 * @param name short name, also of the file that defines it
 * @param version raised whenever a change here could alter a score
 * @param title what it is, for people
 * @param prompt template of the prefix; {@code {question}}, {@code {language}}, {@code {choices}}
 *     (joined by {@code choiceSeparator}), {@code {letteredChoices}} ({@code (A) red (B) blue}) and
 *     any field of an example are filled in
 * @param choiceSeparator between choices
 * @param textTokens text positions of prompt and answer; longer prompts are cut from the right, as
 *     in the transfer's training
 * @param image how pictures are resized
 * @param frames of videos: how many frames are seen; 0 for pictures
 * @param frameStride of videos: every so many-th frame
 * @param decode how answers are made
 * @param postprocess what is done to an answer before it is judged, in order
 * @param reference what a reference is: the file's references, or a template of fields
 * @param dropEmptyReferences whether references without a letter are left out, and questions that
 *     then have none
 * @param metrics {@code name:variant}; the first gives the headline
 * @param split which examples are scored
 * @param examples how many there must be; 0 where that is not known
 * @param data forms in which the files may lie in the data folder; the first that is complete is
 *     read
 * @param published what a paper reports
 * @param note what a reader of the score should know
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
    /** To lower case, without regard to a locale. */
    LOWER,
    /** Without white space at both ends. */
    STRIP
  }

  /** Checks ranges. */
  public BenchmarkConfig {
    new Check()
        .range("version", version, 1, 1_000_000, "")
        .range("textTokens", textTokens, 1, Check.MOST_TOKENS, "tokens")
        .range("frames", frames, 0, 10_000, "frames")
        .range("frameStride", frameStride, 1, 1_000_000, "frames")
        .examples("examples", examples)
        .that(!metrics.isEmpty(), "metrics", "must name at least one metric")
        .that(!data.isEmpty(), "data", "must name at least one form of the files")
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
   * Files in one published form.
   *
   * @param format the form
   * @param files by the form's names, relative to the data folder; the last part of a Parquet name
   *     may hold a {@code *}
   * @param images folder of the pictures, or of a folder of frames a video, relative to the data
   *     folder; absent where the files hold them
   * @param fields of Parquet: the column of {@code id}, {@code question}, {@code references},
   *     {@code images} and any other field, where it is called otherwise
   * @param keep only examples whose field has one of these values
   * @param rotations Open Images' table of pictures that are stored another way up, relative to the
   *     data folder: columns {@code ImageID}, an example's field {@code image_id}, and {@code
   *     Rotation}, degrees counterclockwise that put it right. Where it is not there pictures are
   *     seen as they are stored, and the result says so
   * @param from where the files are usually had
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
        return; // it is wrong itself
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
            "is no file of this form%s",
            Suggestion.among(name, names));
      }
    }
  }

  /**
   * A row of a paper's table.
   *
   * @param row as the table calls it
   * @param paper {@code paligemma} or {@code paligemma2-3b}
   * @param quantity which of the first metric's quantities the row is; absent for its headline
   * @param split what the paper scored, where it is another split than this one
   * @param scores by resolution in pixels, in the paper's units: 100 times the metric's
   */
  public record Published(
      String row,
      @Default("paligemma") String paper,
      @Nullable String quantity,
      @Nullable String split,
      Map<String, Double> scores) {
    /** Checks the resolutions. */
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
