package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.Csv;
import dev.palimpsest.mixtures.formats.FileBytes;
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
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Open Images: one example for each image that has boxes, in the order of the box file: {@code
 * {image_id, objects: [{label, box, iscrowd}], absent: [label]}}. Boxes are [ymin, xmin, ymax,
 * xmax] in fractions of the picture; {@code iscrowd} is the file's {@code IsGroupOf}; {@code
 * absent} are the image-level labels that annotators found not to apply ({@code Confidence} 0).
 * Boxes without area within the picture are left out; their number is logged on opening.
 *
 * <p>The fingerprint covers every byte of the CSV files and, for every image, its name and size in
 * bytes, but not its pixels.
 */
final class OpenImagesSource implements ExampleSource {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  /** The most bytes of an image's rows in one file. */
  private static final long LONGEST = 1 << 26;

  private static final List<String> EDGES = List.of("YMin", "XMin", "YMax", "XMax");

  private final Table boxes;
  private final @Nullable Table labels;
  private final @Nullable Path classFile;
  private final Map<String, String> names;
  private final Path images;
  private final List<String> ids;

  /**
   * A CSV file whose rows belong to images.
   *
   * @param columns index by name
   * @param rows ranges of rows by image
   */
  private record Table(
      Path path, FileBytes file, Map<String, Integer> columns, FileRanges.ByOwner rows) {
    /** The rows of an image. */
    List<Map<String, String>> of(int image) throws IOException {
      rows.requireWithin(image, LONGEST);
      List<Map<String, String>> found = new ArrayList<>();
      for (int i = rows.first()[image]; i < rows.first()[image + 1]; i++) {
        for (List<String> cells :
            Csv.rows(file.read(rows.starts()[i], rows.lengths()[i]).array())) {
          if (cells.size() != columns.size()) {
            throw new IllegalArgumentException(
                "a row of %d cells, the header of %s has %d"
                    .formatted(cells.size(), path.getFileName(), columns.size()));
          }
          Map<String, String> row = new HashMap<>();
          columns.forEach((name, column) -> row.put(name, cells.get(column)));
          found.add(row);
        }
      }
      return found;
    }
  }

  private OpenImagesSource(
      Table boxes,
      @Nullable Table labels,
      @Nullable Path classFile,
      Map<String, String> names,
      Path images,
      List<String> ids) {
    this.boxes = boxes;
    this.labels = labels;
    this.classFile = classFile;
    this.names = names;
    this.images = images;
    this.ids = ids;
  }

  static OpenImagesSource open(SourceConfig.OpenImages config) {
    Path boxFile = Path.of(config.boxes());
    Map<String, Integer> owners = new HashMap<>();
    List<String> ids = new ArrayList<>();
    Table boxes = null;
    Table labels = null;
    try {
      boxes =
          table(
              boxFile,
              List.of("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"),
              owners,
              ids,
              true);
      if (ids.isEmpty()) {
        throw new MalformedFileException(
            "source %s holds no box with an area between 0 and 1".formatted(boxFile));
      }
      if (config.labels() != null) {
        List<String> columns = List.of("ImageID", "LabelName", "Confidence");
        labels = table(Path.of(config.labels()), columns, owners, ids, false);
      }
      Path classFile = config.classes() == null ? null : Path.of(config.classes());
      return new OpenImagesSource(
          boxes,
          labels,
          classFile,
          classFile == null ? Map.of() : names(classFile),
          SourceFiles.folder(config.images(), boxFile),
          ids);
    } catch (IOException e) {
      close(boxes);
      close(labels);
      throw new UncheckedIOException("cannot read source " + boxFile, e);
    } catch (RuntimeException e) {
      close(boxes);
      close(labels);
      throw e;
    }
  }

  /** Finds the rows of each image; adjacent rows of the same image form one range. */
  private static Table table(
      Path file,
      List<String> needed,
      Map<String, Integer> owners,
      List<String> ids,
      boolean newImages)
      throws IOException {
    Map<String, Integer> columns = new LinkedHashMap<>();
    FileRanges places = new FileRanges();
    OmissionCounter flat = new OmissionCounter("box without area within its image, %s");
    long[] range = {0, 0};
    int[] owner = {-1};
    Csv.scan(
        file,
        (start, end, cells) -> {
          if (columns.isEmpty()) {
            columns.putAll(Csv.columns(file, cells, needed));
            return;
          }
          int column = columns.getOrDefault("ImageID", 0);
          String id = column < cells.size() ? cells.get(column) : "";
          int image = owners.getOrDefault(id, -1);
          if (newImages && isFlat(columns, cells)) {
            flat.add(named(columns, cells) + " of image " + id);
          } else if (image < 0 && newImages) {
            image = ids.size();
            owners.put(id, image);
            ids.add(id);
          }
          boolean goesOn = image == owner[0] && end - range[0] < Integer.MAX_VALUE;
          if (!goesOn) {
            flush(places, owner[0], range);
            owner[0] = image;
            range[0] = start;
          }
          range[1] = end;
        });
    flush(places, owner[0], range);
    flat.log(file);
    return new Table(file, FileBytes.open(file), columns, places.byOwner(ids.size()));
  }

  /** Whether a row's box consists of numbers and has no area. */
  private static boolean isFlat(Map<String, Integer> columns, List<String> cells) {
    if (cells.size() != columns.size()) {
      return false; // reported when the row is used
    }
    double[] box = new double[4];
    for (int i = 0; i < 4; i++) {
      try {
        box[i] = share(cell(columns, cells, EDGES.get(i)));
      } catch (NumberFormatException e) {
        return false;
      }
    }
    return box[2] <= box[0] || box[3] <= box[1]; // both are false if one is NaN
  }

  private static double share(String cell) {
    return Math.max(0, Math.min(1, Double.parseDouble(cell)));
  }

  private static String cell(Map<String, Integer> columns, List<String> cells, String column) {
    return cells.get(columns.getOrDefault(column, 0));
  }

  /** Its edges, with the file's names. */
  private static String named(Map<String, Integer> columns, List<String> cells) {
    return List.of("XMin", "XMax", "YMin", "YMax").stream()
        .map(edge -> edge + " " + cell(columns, cells, edge))
        .collect(Collectors.joining(", "));
  }

  private static void flush(FileRanges places, int owner, long[] range) {
    if (owner >= 0) {
      places.add(owner, range[0], (int) (range[1] - range[0]));
    }
  }

  /** Label to name; newer files have a header, older ones none. */
  private static Map<String, String> names(Path file) throws IOException {
    Map<String, String> names = new HashMap<>();
    Csv.scan(
        file,
        (start, end, cells) -> {
          if (cells.size() != 2) {
            throw new MalformedFileException(
                "%s, byte %d: expected a label and its name, got %s".formatted(file, start, cells));
          }
          names.put(cells.get(0), cells.get(1));
        });
    return names;
  }

  @Override
  public long size() {
    return ids.size();
  }

  @Override
  public Row row(long index) {
    int image = Math.toIntExact(index);
    String id = ids.get(image);
    try {
      ObjectNode fields = JSON.objectNode();
      fields.put("image_id", id);
      ArrayNode objects = fields.putArray("objects");
      for (Map<String, String> row : boxes.of(image)) {
        double[] edges = EDGES.stream().mapToDouble(edge -> number(row, edge)).toArray();
        if (edges[2] <= edges[0] || edges[3] <= edges[1]) {
          continue; // counted on opening
        }
        ObjectNode object = objects.addObject();
        object.put("label", name(row));
        ArrayNode box = object.putArray("box");
        for (double edge : edges) {
          box.add(edge);
        }
        object.put("iscrowd", "1".equals(row.get("IsGroupOf")) ? 1 : 0);
      }
      ArrayNode absent = fields.putArray("absent");
      if (labels != null) {
        for (Map<String, String> row : labels.of(image)) {
          if (confidence(row) == 0) {
            absent.add(name(row));
          }
        }
      }
      if (id.isBlank()) {
        throw new IllegalArgumentException("a row without ImageID");
      }
      Path picture = SourceFiles.pictureWithin(images, id + ".jpg");
      return new Row(
          boxes.path().getFileName() + ":" + id, List.of(ImageReference.file(picture)), fields);
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException(
          "%s, image %s: %s".formatted(boxes.path(), id, e.getMessage()), e);
    }
  }

  private static double confidence(Map<String, String> row) {
    return number(row, "Confidence", Double::parseDouble);
  }

  /** An edge of a box, clipped to the picture. */
  private static double number(Map<String, String> row, String column) {
    return number(row, column, OpenImagesSource::share);
  }

  private static double number(
      Map<String, String> row, String column, ToDoubleFunction<String> parse) {
    String cell = row.getOrDefault(column, "");
    double number;
    try {
      number = parse.applyAsDouble(cell);
    } catch (NumberFormatException e) {
      number = Double.NaN;
    }
    if (Double.isNaN(number)) {
      throw new IllegalArgumentException("%s must be a number, found '%s'".formatted(column, cell));
    }
    return number;
  }

  private String name(Map<String, String> row) {
    String label = row.getOrDefault("LabelName", "");
    return names.getOrDefault(label, label);
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest();
    SourceFiles.addWhole(digest, boxes.path());
    if (labels != null) {
      SourceFiles.addWhole(digest.add(1), labels.path());
    }
    if (classFile != null) {
      SourceFiles.addWhole(digest.add(2), classFile);
    }
    for (String id : ids) {
      SourceFiles.addPictureWithin(digest, id, images, id + ".jpg");
    }
    return digest.hex();
  }

  @Override
  public void close() {
    close(boxes);
    close(labels);
  }

  private static void close(@Nullable Table table) {
    try {
      if (table != null) {
        table.file().close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + table.path(), e);
    }
  }
}
