package dev.palimpsest.configs;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where examples come from. A {@code path} may be a glob over files ({@code data/part-*.jsonl}; the
 * stars do not cross folders), or have braces ({@code {000000..000009}}, {@code {a,b}}), of which
 * every member must be there; the files are read one after the other in the order of their names.
 */
public sealed interface SourceConfig {
  /** Files and folders that must be there, by the key that names them. */
  Map<String, String> files();

  /**
   * The same rows with pictures in other fields.
   *
   * @return empty where the format itself says where its pictures are
   */
  default Optional<SourceConfig> withPictures(List<String> names) {
    return Optional.empty();
  }

  /**
   * PaliGemma's published fine-tuning format: one JSON object a line with {@code image}, {@code
   * prefix}, {@code suffix}. {@code image} may be a list for several images an example.
   *
   * @param path the {@code .jsonl} file, or a glob
   * @param images folder that image names are relative to; the file's own folder when absent
   * @param pictures fields that hold pictures, with dots into objects; {@code image} or {@code
   *     images} when empty
   */
  @Key("jsonl")
  record JsonLines(String path, @Nullable String images, @Default("[]") List<String> pictures)
      implements SourceConfig {
    /** Copies. */
    public JsonLines {
      pictures = List.copyOf(pictures);
    }

    /** Pictures under their usual names. */
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
   * Parquet files as Hugging Face hosts them: pictures as structs of {@code bytes} and {@code
   * path}, or as binary. They are imported once into Arrow files, which have random access.
   *
   * @param path the {@code .parquet} file, or a glob
   * @param columns columns that are read; all when empty
   * @param pictures which of them hold pictures; those called {@code image} and {@code images} when
   *     empty
   * @param images folder that paths are relative to where a picture is no bytes but a path; the
   *     file's own folder when absent
   * @param cache folder of the imported files; {@code .palimpsest} beside the Parquet file when
   *     absent
   */
  record Parquet(
      String path,
      @Default("[]") List<String> columns,
      @Default("[]") List<String> pictures,
      @Nullable String images,
      @Nullable String cache)
      implements SourceConfig {
    /** Copies. */
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
   * Arrow IPC files or streams without compression, as the cache of Hugging Face's {@code datasets}
   * holds them.
   *
   * @param path the {@code .arrow} file, or a glob
   * @param columns columns that are read; all when empty
   * @param pictures which of them hold pictures; those called {@code image} and {@code images} when
   *     empty
   * @param images folder that paths are relative to where a picture is no bytes but a path; the
   *     file's own folder when absent
   */
  record Arrow(
      String path,
      @Default("[]") List<String> columns,
      @Default("[]") List<String> pictures,
      @Nullable String images)
      implements SourceConfig {
    /** Copies. */
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
   * WebDataset shards: plain tar archives in which neighbouring members with the same name up to
   * the first dot make an example, and what follows the dot is its part.
   *
   * @param path the {@code .tar} file, or a glob
   * @param pictures parts that are pictures, in the order in which examples show them: {@code
   *     [left.png, right.png]}; {@code jpg;png} is whichever of the two an example has. All parts
   *     that end as pictures do when empty
   */
  record Tar(String path, @Default("[]") List<String> pictures) implements SourceConfig {
    /** Copies. */
    public Tar {
      pictures = List.copyOf(pictures);
    }

    /** Pictures by their endings. */
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
   * COCO's captions, one example an image that has some.
   *
   * @param path such as {@code captions_train2017.json}
   * @param images folder of the pictures
   */
  record CocoCaptions(String path, String images) implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }
  }

  /**
   * COCO's object annotations, boxes and segmentations, one example an image that has some.
   *
   * @param path such as {@code instances_train2017.json}
   * @param images folder of the pictures
   */
  record CocoInstances(String path, String images) implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("path", path, "images", images);
    }
  }

  /**
   * Questions in the form of VQAv2, joined with their annotations by question id.
   *
   * @param questions such as {@code v2_OpenEnded_mscoco_train2014_questions.json}
   * @param annotations such as {@code v2_mscoco_train2014_annotations.json}; absent: no answers
   * @param images folder of the pictures, which are called as COCO calls them
   */
  record Vqa(String questions, @Nullable String annotations, String images)
      implements SourceConfig {
    @Override
    public Map<String, String> files() {
      return present("questions", questions, "annotations", annotations, "images", images);
    }
  }

  /**
   * Boxes in the form of Open Images, one example an image that has some.
   *
   * @param boxes such as {@code oidv6-train-annotations-bbox.csv}
   * @param labels image-level labels verified by people; absent: nothing is known to be absent
   * @param classes names of the labels, such as {@code oidv7-class-descriptions-boxable.csv}
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
