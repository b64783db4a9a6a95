package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Key;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where examples come from. A {@code path} may be a glob ({@code data/part-*.jsonl}; a star does
 * not match across folders) or contain braces ({@code {000000..000009}}, {@code {a,b}}), in which
 * case every file it expands to must exist. The files are read one after another in the order of
 * their names.
 */
public sealed interface SourceConfig {
  /** Files and folders that must exist, by the setting that names them. */
  Map<String, String> files();

  /**
   * The same rows with pictures in other fields.
   *
   * @return empty if the format itself determines where its pictures are
   */
  default Optional<SourceConfig> withPictures(List<String> names) {
    return Optional.empty();
  }

  /**
   * PaliGemma's published fine-tuning format: one JSON object per line with {@code image}, {@code
   * prefix} and {@code suffix}. {@code image} may be a list, for examples with several pictures.
   *
   * @param path the {@code .jsonl} file or files
   * @param images folder that picture names are relative to; absent: the folder of the file itself
   * @param pictures fields that hold pictures, where dots lead into nested objects; if empty,
   *     {@code image} or {@code images}
   */
  @Key("jsonl")
  record JsonLines(String path, @Nullable String images, @Default("[]") List<String> pictures)
      implements SourceConfig {
    /** Keeps an unmodifiable copy of the field names. */
    public JsonLines {
      pictures = List.copyOf(pictures);
    }

    /** Rows with pictures in the default fields. */
    public JsonLines(String path, @Nullable String images) {
      this(path, images, List.of());
    }

    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }

    @Override
    public Optional<SourceConfig> withPictures(List<String> names) {
      return Optional.of(new JsonLines(path, images, names));
    }
  }

  /**
   * Parquet files as Hugging Face hosts them: pictures are structs of {@code bytes} and {@code
   * path}, or binary values. The files are imported once into Arrow files, which allow random
   * access.
   *
   * @param path the {@code .parquet} file or files
   * @param columns columns to read; if empty, all of them
   * @param pictures columns that hold pictures; if empty, those named {@code image} and {@code
   *     images}
   * @param images folder that paths are relative to, for pictures that are given as paths instead
   *     of bytes; absent: the folder of the file itself
   * @param cache folder for the imported files; absent: {@code .palimpsest} beside the Parquet file
   */
  record Parquet(
      String path,
      @Default("[]") List<String> columns,
      @Default("[]") List<String> pictures,
      @Nullable String images,
      @Nullable String cache)
      implements SourceConfig {
    /** Keeps unmodifiable copies of the column names. */
    public Parquet {
      columns = List.copyOf(columns);
      pictures = List.copyOf(pictures);
    }

    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }

    @Override
    public Optional<SourceConfig> withPictures(List<String> names) {
      return Optional.of(new Parquet(path, columns, names, images, cache));
    }
  }

  /**
   * Uncompressed Arrow IPC files or streams, as found in the cache of Hugging Face's {@code
   * datasets}.
   *
   * @param path the {@code .arrow} file or files
   * @param columns columns to read; if empty, all of them
   * @param pictures columns that hold pictures; if empty, those named {@code image} and {@code
   *     images}
   * @param images folder that paths are relative to, for pictures that are given as paths instead
   *     of bytes; absent: the folder of the file itself
   */
  record Arrow(
      String path,
      @Default("[]") List<String> columns,
      @Default("[]") List<String> pictures,
      @Nullable String images)
      implements SourceConfig {
    /** Keeps unmodifiable copies of the column names. */
    public Arrow {
      columns = List.copyOf(columns);
      pictures = List.copyOf(pictures);
    }

    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }

    @Override
    public Optional<SourceConfig> withPictures(List<String> names) {
      return Optional.of(new Arrow(path, columns, names, images));
    }
  }

  /**
   * WebDataset shards: uncompressed tar archives. Adjacent members whose names agree up to the
   * first dot form an example; the rest of the name, after the dot, names the part of the example.
   *
   * @param path the {@code .tar} file or files
   * @param pictures parts that are pictures, in the order in which the model sees them, such as
   *     {@code [left.png, right.png]}; {@code jpg;png} means whichever of the two an example has.
   *     If empty, all parts with the file extension of a picture
   */
  record Tar(String path, @Default("[]") List<String> pictures) implements SourceConfig {
    /** Keeps an unmodifiable copy of the part names. */
    public Tar {
      pictures = List.copyOf(pictures);
    }

    /** Shards whose pictures are recognised by their file extensions. */
    public Tar(String path) {
      this(path, List.of());
    }

    @Override
    public Map<String, String> files() {
      return present("path", path);
    }

    @Override
    public Optional<SourceConfig> withPictures(List<String> names) {
      return Optional.of(new Tar(path, names));
    }
  }

  /**
   * COCO captions; one example for each image that has captions.
   *
   * @param path the annotation file, such as {@code captions_train2017.json}
   * @param images folder of the pictures
   */
  record CocoCaptions(String path, String images) implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }
  }

  /**
   * COCO object annotations with boxes and segmentations; one example for each image that has
   * objects.
   *
   * @param path the annotation file, such as {@code instances_train2017.json}
   * @param images folder of the pictures
   */
  record CocoInstances(String path, String images) implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }
  }

  /**
   * Questions in the format of VQAv2, joined with their annotations by question id.
   *
   * @param questions the question file, such as {@code
   *     v2_OpenEnded_mscoco_train2014_questions.json}
   * @param annotations the annotation file, such as {@code v2_mscoco_train2014_annotations.json};
   *     absent: the questions have no answers
   * @param images folder of the pictures, which have the file names of COCO
   */
  record Vqa(String questions, @Nullable String annotations, String images)
      implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("questions", questions, "annotations", annotations, "images", images);
    }
  }

  /**
   * Boxes in the format of Open Images; one example for each image that has boxes.
   *
   * @param boxes the box file, such as {@code oidv6-train-annotations-bbox.csv}
   * @param labels file of image-level labels verified by people; absent: no label is known to be
   *     absent from a picture
   * @param classes file of the labels' names, such as {@code oidv7-class-descriptions-boxable.csv}
   * @param images folder of the pictures, {@code ImageID.jpg}
   */
  record OpenImages(String boxes, @Nullable String labels, @Nullable String classes, String images)
      implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("boxes", boxes, "labels", labels, "classes", classes, "images", images);
    }
  }

  private static Map<String, String> present(@Nullable String... keysAndFiles) {
    Map<String, String> files = new LinkedHashMap<>();
    for (int i = 0; i < keysAndFiles.length; i += 2) {
      String file = keysAndFiles[i + 1];
      if (file != null) {
        files.put(String.valueOf(keysAndFiles[i]), file);
      }
    }
    return files;
  }

  /** Exhaustive choice by kind. */
  default <R> R match(
      Function<JsonLines, R> jsonLines,
      Function<Parquet, R> parquet,
      Function<Arrow, R> arrow,
      Function<Tar, R> tar,
      Function<CocoCaptions, R> cocoCaptions,
      Function<CocoInstances, R> cocoInstances,
      Function<Vqa, R> vqa,
      Function<OpenImages, R> openImages) {
    if (this instanceof JsonLines kind) {
      return jsonLines.apply(kind);
    } else if (this instanceof Parquet kind) {
      return parquet.apply(kind);
    } else if (this instanceof Arrow kind) {
      return arrow.apply(kind);
    } else if (this instanceof Tar kind) {
      return tar.apply(kind);
    } else if (this instanceof CocoCaptions kind) {
      return cocoCaptions.apply(kind);
    } else if (this instanceof CocoInstances kind) {
      return cocoInstances.apply(kind);
    } else if (this instanceof Vqa kind) {
      return vqa.apply(kind);
    }
    return openImages.apply((OpenImages) this);
  }
}
