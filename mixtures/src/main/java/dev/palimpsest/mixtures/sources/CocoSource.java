package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.JsonElements;
import dev.palimpsest.mixtures.formats.JsonElements.ListOf;
import dev.palimpsest.mixtures.formats.JsonValues;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * COCO's annotation files: one example for each image that has annotations, in the order of {@code
 * images}.
 *
 * <p>Captions give {@code {image_id, captions: [text]}}. Instances give {@code {image_id, height,
 * width, objects: [{label, box, segmentation, iscrowd}]}} with boxes as [ymin, xmin, ymax, xmax] in
 * fractions of the picture, clipped to it, and segmentations unchanged, in pixels. Objects whose
 * box has no area within the picture are left out (COCO's train2017 has two), as are annotations of
 * images that the file does not list; their numbers are logged on opening.
 *
 * <p>The fingerprint covers every byte of the annotation file and, for every image, its name and
 * size in bytes, but not its pixels.
 */
final class CocoSource implements ExampleSource {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  /** The most bytes of an image's annotations. */
  private static final long LONGEST = 1 << 26;

  private final Path file;
  private final Path images;
  private final JsonElements json;
  private final boolean captions;

  /** Label by category id; empty for captions. */
  private final Map<String, String> labels = new HashMap<>();

  private final List<String> ids = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  /** Where each image's own object is. */
  private final FileRanges.ByOwner heads;

  private final FileRanges.ByOwner annotations;

  private CocoSource(Path file, Path images, JsonElements json, boolean captions)
      throws IOException {
    this.file = file;
    this.images = images;
    this.json = json;
    this.captions = captions;
    Scan scan = new Scan();
    FileRanges.ByOwner all = scan.heads.byOwner(scan.names.size());
    FileRanges.ByOwner byImage = scan.annotations.byOwner(scan.names.size());
    FileRanges keptHeads = new FileRanges();
    FileRanges kept = new FileRanges();
    int image = 0;
    for (String id : scan.images.keySet()) {
      if (byImage.count(image) > 0) {
        keptHeads.add(ids.size(), all.starts()[image], all.lengths()[image]);
        for (int i = byImage.first()[image]; i < byImage.first()[image + 1]; i++) {
          kept.add(ids.size(), byImage.starts()[i], byImage.lengths()[i]);
        }
        ids.add(id);
        names.add(scan.names.get(image));
      }
      image++;
    }
    scan.log();
    if (ids.isEmpty()) {
      throw new MalformedFileException("source " + file + " holds no image with annotations");
    }
    heads = keptHeads.byOwner(ids.size());
    annotations = kept.byOwner(ids.size());
  }

  /** One pass through the file, and what it left out. */
  private final class Scan {
    /** Images in order, by id. */
    final Map<String, Integer> images = new LinkedHashMap<>();

    final List<String> names = new ArrayList<>();
    final FileRanges heads = new FileRanges();
    FileRanges annotations = new FileRanges();

    /** Height and width of each image; 0 or less if they are not known. */
    private final List<float[]> sizes = new ArrayList<>();

    private final OmissionCounter repeated = new OmissionCounter("image %s listed again");
    private OmissionCounter unknown =
        new OmissionCounter("annotation of image %s, which is not listed");
    private OmissionCounter flat =
        new OmissionCounter("object whose bbox has no area within its image, %s");

    Scan() throws IOException {
      Map<String, ListOf> lists = new LinkedHashMap<>();
      boolean[] early = {false};
      lists.put("images", new ListOf(List.of("id", "file_name", "height", "width"), this::image));
      lists.put(
          "annotations",
          new ListOf(
              List.of("image_id", "bbox", "id"),
              (start, length, values) -> {
                early[0] |= images.isEmpty();
                annotation(start, length, values);
              }));
      if (!captions) {
        lists.put("categories", new ListOf(List.of("id", "name"), this::category));
      }
      json.scan(lists, new HashMap<>());
      if (early[0]) { // the images came last, so only now is it known which exist
        annotations = new FileRanges();
        unknown = unknown.again();
        flat = flat.again();
        json.scan(
            Map.of("annotations", new ListOf(List.of("image_id", "bbox", "id"), this::annotation)),
            new HashMap<>());
      }
    }

    private void image(long start, int length, @Nullable String[] values) {
      String id = values[0];
      String name = values[1];
      if (id == null || name == null) {
        throw new MalformedFileException(
            "%s, byte %d: an image without id or file_name".formatted(file, start));
      }
      if (images.putIfAbsent(id, names.size()) != null) {
        repeated.add(id);
        return;
      }
      heads.add(names.size(), start, length);
      names.add(name);
      sizes.add(new float[] {(float) number(values[2]), (float) number(values[3])});
    }

    private void annotation(long start, int length, @Nullable String[] values) {
      String id = values[0];
      if (id == null) {
        throw new MalformedFileException(
            "%s, byte %d: an annotation without image_id".formatted(file, start));
      }
      int image = images.getOrDefault(id, -1);
      if (image < 0) {
        unknown.add(id);
      } else if (!captions && isFlat(values[1], sizes.get(image))) {
        flat.add("[%s] of annotation %s".formatted(values[1], values[2]));
      } else {
        annotations.add(image, start, length);
      }
    }

    private void category(long start, int length, @Nullable String[] values) {
      if (values[0] == null || values[1] == null) {
        throw new MalformedFileException(
            "%s, byte %d: a category without id or name".formatted(file, start));
      }
      labels.put(values[0], values[1]);
    }

    void log() {
      repeated.log(file);
      unknown.log(file);
      flat.log(file);
    }
  }

  /**
   * Whether a box of numbers has no area within its image.
   *
   * @param bbox x, y, width and height, separated by commas
   * @param size height and width; 0 or less if they are not known
   */
  private static boolean isFlat(@Nullable String bbox, float[] size) {
    String[] texts = bbox == null ? new String[0] : bbox.split(",", -1);
    if (texts.length != 4) {
      return false; // reported when the row is used
    }
    double[] box = new double[4];
    for (int i = 0; i < 4; i++) {
      box[i] = number(texts[i]);
      if (!Double.isFinite(box[i])) {
        return false;
      }
    }
    double bottom = size[0] > 0 ? Math.min(size[0], box[1] + box[3]) : box[1] + box[3];
    double right = size[1] > 0 ? Math.min(size[1], box[0] + box[2]) : box[0] + box[2];
    double top = size[0] > 0 ? Math.max(0, box[1]) : box[1];
    double left = size[1] > 0 ? Math.max(0, box[0]) : box[0];
    return !(bottom > top && right > left);
  }

  private static double number(@Nullable String text) {
    try {
      return text == null ? Double.NaN : Double.parseDouble(text);
    } catch (NumberFormatException e) {
      return Double.NaN;
    }
  }

  static CocoSource open(SourceConfig.CocoCaptions config) {
    return open(Path.of(config.path()), config.images(), true);
  }

  static CocoSource open(SourceConfig.CocoInstances config) {
    return open(Path.of(config.path()), config.images(), false);
  }

  private static CocoSource open(Path file, String images, boolean captions) {
    try {
      JsonElements json = JsonElements.open(file);
      try {
        return new CocoSource(file, SourceFiles.folder(images, file), json, captions);
      } catch (RuntimeException | IOException e) {
        json.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + file, e);
    }
  }

  @Override
  public long size() {
    return ids.size();
  }

  @Override
  public Row row(long index) {
    int image = Math.toIntExact(index);
    String id = file.getFileName() + ":" + ids.get(image);
    try {
      ObjectNode fields = JSON.objectNode();
      ObjectNode head = json.read(heads.starts()[image], heads.lengths()[image]);
      fields.set("image_id", JsonValues.wholeId(head.path("id")));
      if (captions) {
        ArrayNode texts = fields.putArray("captions");
        for (ObjectNode annotation : annotations(image)) {
          texts.add(annotation.path("caption"));
        }
      } else {
        double height = head.path("height").asDouble();
        double width = head.path("width").asDouble();
        if (!(height > 0 && width > 0 && Double.isFinite(height * width))) {
          throw new IllegalArgumentException(
              "the image must have height and width, found %s and %s"
                  .formatted(head.path("height"), head.path("width")));
        }
        fields.set("height", head.path("height"));
        fields.set("width", head.path("width"));
        ArrayNode objects = fields.putArray("objects");
        for (ObjectNode annotation : annotations(image)) {
          objects.add(object(annotation, height, width));
        }
      }
      Path picture = SourceFiles.pictureWithin(images, names.get(image));
      return new Row(id, List.of(ImageReference.file(picture)), fields);
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException(
          "%s, image %s: %s".formatted(file, ids.get(image), e.getMessage()), e);
    }
  }

  private List<ObjectNode> annotations(int image) throws IOException {
    annotations.requireWithin(image, LONGEST);
    List<ObjectNode> objects = new ArrayList<>();
    for (int i = annotations.first()[image]; i < annotations.first()[image + 1]; i++) {
      objects.add(json.read(annotations.starts()[i], annotations.lengths()[i]));
    }
    return objects;
  }

  private ObjectNode object(ObjectNode annotation, double height, double width) {
    String category = JsonValues.id(annotation.path("category_id"));
    String label = labels.get(category);
    if (label == null) {
      throw new IllegalArgumentException(
          "annotation %s: category %s has no name"
              .formatted(JsonValues.id(annotation.path("id")), category));
    }
    JsonNode bbox = annotation.path("bbox");
    boolean numbers = bbox.isArray() && bbox.size() == 4;
    for (JsonNode number : bbox) {
      numbers &= number.isNumber() && Double.isFinite(number.asDouble());
    }
    if (!numbers) {
      throw new IllegalArgumentException(
          "annotation %s: bbox must be [x, y, width, height], found %s"
              .formatted(
                  JsonValues.id(annotation.path("id")),
                  bbox.isMissingNode() ? "none" : JsonValues.abridged(bbox)));
    }
    double left = bbox.get(0).asDouble();
    double top = bbox.get(1).asDouble();
    ObjectNode object = JSON.objectNode();
    object.put("label", label);
    ArrayNode corners = object.putArray("box");
    corners.add(share(top, height)).add(share(left, width));
    corners
        .add(share(top + bbox.get(3).asDouble(), height))
        .add(share(left + bbox.get(2).asDouble(), width));
    if (annotation.hasNonNull("segmentation")) {
      object.set("segmentation", annotation.get("segmentation"));
    }
    object.put("iscrowd", annotation.path("iscrowd").asInt());
    return object;
  }

  private static double share(double pixels, double whole) {
    return Math.max(0, Math.min(1, pixels / whole));
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest();
    SourceFiles.addWhole(digest, file);
    for (String name : names) {
      SourceFiles.addPictureWithin(digest, name, images, name);
    }
    return digest.hex();
  }

  @Override
  public void close() {
    try {
      json.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close source " + file, e);
    }
  }
}
