package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Suggestion;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A training task: a source and how its rows are read. Its key in the recipe is its name, by which
 * stages give it a weight.
 *
 * @param source where the rows are
 * @param type how a row becomes a prompt and a target
 * @param fields names of the source's fields where they differ from the type's, as {@code
 *     typeField: sourceField}; dots lead into nested objects, also within lists ({@code answers:
 *     answers.answer}). For every type, {@code image} names the field that holds the pictures
 * @param frames an animated GIF or WebP, a file of several pages or a folder of pictures gives up
 *     to this many frames, evenly spaced; 1: only the first
 * @param orientation {@code exif}: pictures are rotated as their EXIF orientation says before
 *     anything else is done to them, and boxes and masks refer to the rotated picture. Absent:
 *     pictures are used as they are stored
 * @param badShare the share of examples drawn that may be bad (missing or damaged pictures and
 *     rows) and are then skipped, [0, 1); 0: the first bad example ends the run
 * @param few uses only a few rows, drawn at random; absent: all
 */
public record TaskConfig(
    SourceConfig source,
    @Default("{prefixSuffix: {}}") TaskType type,
    @Default("{}") Map<String, String> fields,
    @Default("1") int frames,
    @Nullable Orientation orientation,
    @Default("0") double badShare,
    @Nullable FewConfig few) {
  /** The key in {@code fields} that stands for the pictures. */
  private static final String IMAGE = "image";

  /** Checks ranges, and that the type reads the fields that are renamed. */
  public TaskConfig {
    Check check =
        new Check().range("frames", frames, 1, 10_000, "frames").within("badShare", badShare, 0, 1);
    checkFields(check, source, type, fields);
    check.done();
    fields = Collections.unmodifiableMap(new TreeMap<>(fields));
  }

  /** A task with all rows of its source. */
  public TaskConfig(
      SourceConfig source,
      TaskType type,
      Map<String, String> fields,
      int frames,
      @Nullable Orientation orientation,
      double badShare) {
    this(source, type, fields, frames, orientation, badShare, null);
  }

  /** A task with single frames, no orientation and no tolerance for bad examples. */
  public TaskConfig(SourceConfig source, TaskType type, Map<String, String> fields) {
    this(source, type, fields, 1, null, 0);
  }

  /** Rows with {@code prefix} and {@code suffix}. */
  public TaskConfig(SourceConfig source) {
    this(source, new TaskType.PrefixSuffix(), Map.of());
  }

  /** The source with its pictures where {@code fields} says. */
  public SourceConfig pictured() {
    String image = fields.get(IMAGE);
    return image == null ? source : source.withPictures(List.of(image)).orElse(source);
  }

  public static void checkFields(
      Check check,
      @Nullable SourceConfig source,
      @Nullable TaskType type,
      Map<String, String> fields) {
    String image = fields.get(IMAGE);
    if (image != null && source != null) {
      check.that(
          source.withPictures(List.of(image)).isPresent(),
          "fields." + IMAGE,
          "cannot be set: this kind of source determines itself where its pictures are");
    }
    if (type == null) {
      return; // reported as a mistake of its own
    }
    fields.forEach(
        (name, renamed) ->
            check.that(
                name.equals(IMAGE) || type.fields().contains(name),
                "fields." + name,
                "is not a field that this type reads%s",
                Suggestion.among(name, type.fields())));
  }
}
