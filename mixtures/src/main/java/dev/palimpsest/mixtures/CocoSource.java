package dev.palimpsest.mixtures;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.SourceConfig;
import dev.palimpsest.mixtures.formats.JsonElements;
import dev.palimpsest.mixtures.formats.JsonElements.ListOf;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * COCO's annotation files: one example an image that has annotations, in the order of {@code
 * images}.
 *
 * <p>Captions give {@code {image_id, captions: [text]}}. Instances give {@code {image_id, height,
 * width, objects: [{label, box, segmentation, iscrowd}]}} with boxes as [ymin, xmin, ymax, xmax] in
 * shares of the picture, cut at its edges, and segmentations as they stand, in pixels.
 *
 * <p>The fingerprint covers every byte of the annotation file and, for every image, name and size
 * in bytes, but not its pixels.
 */
final class CocoSource implements ExampleSource {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final Path file;
  private final Path images;
  private final JsonElements json;
  private final boolean captions;

  /** Label by category id; empty for captions. */
  private final Map<String, String> labels = new HashMap<>();

  private final List<String> ids = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  /** Where each image's own object stands. */
  private final Places.ByOwner heads;

  private final Places.ByOwner annotations;

  private CocoSource(Path file, Path images, JsonElements json, boolean captions)
      throws IOException {
    this.file = file;
    this.images = images;
    this.json = json;
    this.captions = captions;
    Map<String, Integer> owners = new HashMap<>();
    Places objects = new Places();
    Places imageHeads = new Places();
    List<String> imageIds = new ArrayList<>();
    List<String> imageNames = new ArrayList<>();
    Map<String, ListOf> lists = new LinkedHashMap<>();
    lists.put(
        "images",
        new ListOf(
            List.of("id", "file_name"),
            (start, length, values) -> {
              if (values[0] == null || values[1] == null) {
                throw new MalformedFileException(
                    "%s, byte %d: an image without id or file_name".formatted(file, start));
              }
              owners.computeIfAbsent(values[0], id -> owners.size());
              imageHeads.add(imageIds.size(), start, length);
              imageIds.add(values[0]);
              imageNames.add(values[1]);
            }));
    lists.put(
        "annotations",
        new ListOf(
            List.of("image_id"),
            (start, length, values) -> {
              if (values[0] == null) {
                throw new MalformedFileException(
                    "%s, byte %d: an annotation without image_id".formatted(file, start));
              }
              objects.add(owners.computeIfAbsent(values[0], id -> owners.size()), start, length);
            }));
    if (!captions) {
      lists.put(
          "categories",
          new ListOf(
              List.of("id", "name"),
              (start, length, values) -> {
                if (values[0] == null || values[1] == null) {
                  throw new MalformedFileException(
                      "%s, byte %d: a category without id or name".formatted(file, start));
                }
                labels.put(values[0], values[1]);
              }));
    }
    json.scan(lists, new HashMap<>());
    Places.ByOwner byImage = objects.byOwner(owners.size());
    Places.ByOwner all = imageHeads.byOwner(imageIds.size());
    Places keptHeads = new Places();
    Places kept = new Places();
    for (int image = 0; image < imageIds.size(); image++) {
      int owner = owners.getOrDefault(imageIds.get(image), -1);
      if (byImage.count(owner) > 0) {
        keptHeads.add(ids.size(), all.starts()[image], all.lengths()[image]);
        for (int i = byImage.first()[owner]; i < byImage.first()[owner + 1]; i++) {
          kept.add(ids.size(), byImage.starts()[i], byImage.lengths()[i]);
        }
        ids.add(imageIds.get(image));
        names.add(imageNames.get(image));
      }
    }
    if (ids.isEmpty()) {
      throw new MalformedFileException("source " + file + " holds no image with annotations");
    }
    heads = keptHeads.byOwner(ids.size());
    annotations = kept.byOwner(ids.size());
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
      fields.set("image_id", head.path("id"));
      if (captions) {
        ArrayNode texts = fields.putArray("captions");
        for (ObjectNode annotation : annotations(image)) {
          texts.add(annotation.path("caption"));
        }
      } else {
        double height = head.path("height").asDouble();
        double width = head.path("width").asDouble();
        if (!(height > 0 && width > 0)) {
          throw new IllegalArgumentException("the image has no height and width");
        }
        fields.set("height", head.path("height"));
        fields.set("width", head.path("width"));
        ArrayNode objects = fields.putArray("objects");
        for (ObjectNode annotation : annotations(image)) {
          objects.add(object(annotation, height, width));
        }
      }
      Path picture = SourceFiles.picture(images, names.get(image));
      return new Row(id, List.of(ImageReference.file(picture)), fields);
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException(
          "%s, image %s: %s".formatted(file, ids.get(image), e.getMessage()), e);
    }
  }

  private List<ObjectNode> annotations(int image) throws IOException {
    List<ObjectNode> objects = new ArrayList<>();
    for (int i = annotations.first()[image]; i < annotations.first()[image + 1]; i++) {
      objects.add(json.read(annotations.starts()[i], annotations.lengths()[i]));
    }
    return objects;
  }

  private ObjectNode object(ObjectNode annotation, double height, double width) {
    String category = annotation.path("category_id").asText();
    String label = labels.get(category);
    JsonNode box = annotation.path("bbox");
    if (label == null || box.size() != 4) {
      throw new IllegalArgumentException(
          label == null
              ? "category %s has no name".formatted(category)
              : "bbox must be [x, y, width, height], found " + box);
    }
    double left = box.get(0).asDouble();
    double top = box.get(1).asDouble();
    ObjectNode object = JSON.objectNode();
    object.put("label", label);
    ArrayNode corners = object.putArray("box");
    corners.add(share(top, height)).add(share(left, width));
    corners
        .add(share(top + box.get(3).asDouble(), height))
        .add(share(left + box.get(2).asDouble(), width));
    if (annotation.has("segmentation")) {
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
      SourceFiles.addPicture(digest, name, images.resolve(name));
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
