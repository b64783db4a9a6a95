package dev.palimpsest.configs;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A training task: a source and how its rows are read. Named by its key in the recipe; stages give
 * weights by that name.
 *
 * @param source where the rows are
 * @param type how a row becomes prompt and target
 * @param fields where the source calls a field otherwise: the type's name for it, then the
 *     source's; dots lead into objects and those of lists ({@code answers: answers.answer}). {@code
 *     image} is where its pictures are, whatever the type
 * @param frames an animated GIF, a file of several pages or a folder of pictures gives up to so
 *     many of its frames, evenly spaced; 1: the first
 * @param orientation {@code exif}: pictures are turned as their EXIF orientation says, before
 *     anything else is done to them; boxes and masks are those of the turned picture. Absent:
 *     pictures are seen as they are stored
 * @param badShare share of the examples drawn that may be bad (missing or damaged pictures and
 *     rows) and are skipped then, [0, 1); 0: the first one ends the run
 */
public record TaskConfig(
    SourceConfig source,
    @Default("{prefixSuffix: {}}") TaskType type,
    @Default("{}") Map<String, String> fields,
    @Default("1") int frames,
    @Nullable Orientation orientation,
    @Default("0") double badShare) {
  /** What {@code fields} calls the pictures. */
  private static final String IMAGE = "image";

  /** Checks ranges, and that the type reads the fields that are renamed. */
  public TaskConfig {
    Check check =
        new Check().range("frames", frames, 1, 10_000, "frames").within("badShare", badShare, 0, 1);
    checkFields(check, source, type, fields);
    check.done();
    fields = Collections.unmodifiableMap(new TreeMap<>(fields));
  }

  /** Still pictures as they are stored, none of them bad. */
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

  static void checkFields(
      Check check,
      @Nullable SourceConfig source,
      @Nullable TaskType type,
      Map<String, String> fields) {
    String image = fields.get(IMAGE);
    if (image != null && source != null) {
      check.that(
          source.withPictures(List.of(image)).isPresent(),
          "fields." + IMAGE,
          "is not to be chosen: this kind of source says itself where its pictures are");
    }
    if (type == null) {
      return; // it is wrong itself
    }
    fields.forEach(
        (name, renamed) ->
            check.that(
                name.equals(IMAGE) || type.fields().contains(name),
                "fields." + name,
                "is no field that this type reads%s",
                Suggestion.among(name, type.fields())));
  }
}
