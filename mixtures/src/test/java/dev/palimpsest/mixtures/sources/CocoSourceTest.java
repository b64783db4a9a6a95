package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CocoSourceTest {
  private static final String POLYGON = "[[10, 10, 30, 10, 30, 30, 10, 30]]";

  private final Path folder;
  private final Path file;

  CocoSourceTest(@TempDir Path folder) {
    this.folder = folder;
    this.file = folder.resolve("instances.json");
  }

  private static Path odd(String name) {
    return Golden.file("odd/coco/" + name);
  }

  private ExampleSource open(Path from) {
    return ExampleSource.open(new SourceConfig.CocoInstances(from.toString(), folder.toString()));
  }

  private static TaskType segment() {
    return new TaskType.Segment(
        Golden.file("masks/vae.npz").toString(), 4, false, 0, TaskType.Negatives.NONE);
  }

  private Task segmenting(Path from) {
    return Task.open(
        new TaskConfig(
            new SourceConfig.CocoInstances(from.toString(), folder.toString()),
            segment(),
            Map.of()),
        new TextBudget(Tokenizer.load(Golden.file("tokenizer/tiny.model")), 512));
  }

  /** An image of 80 rows and 100 columns and its annotations. */
  private Path write(String... annotations) throws IOException {
    return Files.writeString(
        file,
        """
        {"images": [{"id": 1, "file_name": "1.jpg", "height": 80, "width": 100}],
         "annotations": [%s],
         "categories": [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}]}"""
            .formatted(String.join(",", annotations)));
  }

  private static String annotation(String id, String bbox, String segmentation) {
    return "{\"id\": %s, \"image_id\": 1, \"category_id\": 1, \"bbox\": %s, \"segmentation\": %s}"
        .formatted(id, bbox, segmentation);
  }

  @Test
  void aFlatListIsOnePolygon() throws IOException {
    write(annotation("1", "[10, 10, 20, 20]", POLYGON));
    try (Task usual = segmenting(file);
        Task flat = segmenting(odd("flatpoly.json"))) {
      assertEquals(usual.example(0).suffix(), flat.example(0).suffix());
    }
  }

  @Test
  void runLengthsOfAnotherSizeAreRefused() {
    try (Task task = segmenting(odd("rlesize.json"))) {
      assertSays(
          assertThrows(BadExampleException.class, () -> task.example(0)),
          "the mask of 'cat'",
          "its size is 100 x 80",
          "height 80");
    }
  }

  /** A mask without a pixel in its box would be sixteen tokens of nothing. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "[[10.1, 10.1, 10.2, 10.1, 10.2, 10.2]]", // within one pixel
        "[[10, 10, 30, 30]]",
        "[[60, 60, 70, 60, 70, 70, 60, 70]]", // beside its box
        "[[-30, -30, -20, -30, -20, -20]]",
        "{\"size\": [80, 100], \"counts\": [8000]}",
        "[]",
        "null"
      })
  void anObjectWithoutAPixelHasNoMask(String segmentation) throws IOException {
    write(annotation("1", "[10, 10, 20, 20]", segmentation));
    try (Task task = segmenting(file)) {
      assertSays(
          assertThrows(BadExampleException.class, () -> task.example(0)),
          "no object that can be asked for");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[[10, NaN, 30, 10, 30, 30]]|the coordinate NaN",
        "[[10, Infinity, 30, 10, 30, 30]]|the coordinate Infinity",
        "[[1, 2, 3, 4, 5, 6, 7]]|pairs of x and y, found 7 numbers",
        "[[1, \"2\", 3, 4, 5, 6]]|must be a list of numbers",
        "[[1, 2, 3, 4, 5, 6], 7]|run lengths or a list of polygons, found 7",
        "[[0, 0, 1e9, 1e9, 0, 1e9]]|has an outline of",
        "\"polygon\"|no object",
        "{\"size\": [80, 100], \"counts\": [10, 2.5, 7987.5]}|counts must be whole numbers, found 2.5",
        "{\"size\": [80, 100], \"counts\": [10, -5, 7995]}|do not fit",
        "{\"size\": [80, 100], \"counts\": [10, 20]}|run lengths sum to 30",
        "{\"size\": [80, 100], \"counts\": \"zzzzzzzzzzzzzzzzzzzzzzz\"}|run-length code",
        "{\"size\": [80], \"counts\": [8000]}|size must be whole numbers, found none",
        "{\"size\": [2147483647, 2147483647], \"counts\": [8000]}|its size is 2147483647",
      })
  void whatIsNoMaskIsNamed(String segmentation, String why) throws IOException {
    write(annotation("1", "[10, 10, 20, 20]", segmentation));
    try (Task task = segmenting(file)) {
      assertSays(assertThrows(BadExampleException.class, () -> task.example(0)), why);
    }
  }

  @Test
  void twoAndTwoPointZeroAreOneId() {
    try (ExampleSource source = open(odd("floatid.json"))) {
      assertEquals(2, source.size());
      assertEquals("floatid.json:2", source.row(1).id());
      assertEquals("2", source.row(1).fields().path("image_id").toString());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1.0,1,1,1",
    "1,1.0,1,1",
    "1,1,1.0,1",
    "1,1,1,1.0",
    "1e0,1,10e-1,1",
    "\"1\",1,1,\"1\""
  })
  void idsAreOneHoweverTheyAreWritten(String image, String of, String category, String ofCategory)
      throws IOException {
    Files.writeString(
        file,
        """
        {"images": [{"id": %s, "file_name": "1.jpg", "height": 80, "width": 100}],
         "annotations": [{"id": 1, "image_id": %s, "category_id": %s, "bbox": [1, 1, 9, 9]}],
         "categories": [{"id": %s, "name": "cat"}]}"""
            .formatted(image, of, ofCategory, category));
    try (ExampleSource source = open(file)) {
      assertEquals("cat", source.row(0).fields().at("/objects/0/label").asText());
      assertEquals(of.replace(".0", ""), source.row(0).fields().path("image_id").asText());
    }
  }

  @Test
  void nanIsReadAndRefusedWhereItIsUsed() throws IOException {
    try (ExampleSource source = open(odd("nan.json"))) {
      assertEquals(1, source.row(0).fields().path("objects").size());
    }
    write(annotation("7", "[10, NaN, 20, 20]", POLYGON));
    try (ExampleSource source = open(file)) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)),
          "instances.json, image 1: annotation 7: bbox must be [x, y, width, height]",
          "NaN");
    }
    Files.writeString(file, Files.readString(file).replace("\"height\": 80", "\"height\": NaN"));
    try (ExampleSource source = open(file)) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)), "height and width", "NaN");
    }
  }

  @Test
  void anObjectWithoutAreaIsLeftOut() {
    try (ExampleSource source = open(odd("zeroarea.json"))) {
      assertEquals(1, source.size());
      JsonNode objects = source.row(0).fields().path("objects");
      assertEquals(1, objects.size());
      assertEquals("cat", objects.at("/0/label").asText());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[10, 10, 0, 20]",
        "[10, 10, 20, -1]",
        "[100, 10, 20, 20]",
        "[-20, 10, 20, 20]",
        "[10, 80.5, 5, 5]"
      })
  void objectsOutsideTheirPictureAreLeftOutWhereverTheImagesStand(String bbox) throws IOException {
    String flat = annotation("1", bbox, POLYGON);
    write(flat, annotation("2", "[90, 70, 20, 20]", POLYGON));
    String imagesLast =
        Files.readString(file).replaceFirst("(?s)\\{(\"images\".*?\\]),(.*)\\}$", "{$2, $1}");
    for (String text : List.of(Files.readString(file), imagesLast)) {
      Files.writeString(file, text);
      try (ExampleSource source = open(file)) {
        JsonNode objects = source.row(0).fields().path("objects");
        assertEquals(1, objects.size(), text);
        assertEquals("[0.875,0.9,1.0,1.0]", objects.at("/0/box").toString()); // cut at the edges
      }
    }
    write(flat);
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(file)),
        "holds no image with annotations");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[1, 2, 3]|bbox must be [x, y, width, height], found [1,2,3]",
        "null|bbox must be [x, y, width, height], found null",
        "[1, 2, \"3\", \"4\"]|bbox must be",
        "{}|bbox must be"
      })
  void whatIsNoBoxIsNamed(String bbox, String why) throws IOException {
    write(annotation("5", bbox, POLYGON));
    try (ExampleSource source = open(file)) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)), "annotation 5: " + why);
    }
  }

  @Test
  void aCategoryWithoutANameIsNamed() throws IOException {
    write(annotation("5", "[1, 2, 3, 4]", POLYGON).replace("category_id\": 1", "category_id\": 9"));
    try (ExampleSource source = open(file)) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)),
          "annotation 5: category 9 has no name");
    }
    Files.writeString(file, "{\"images\": [], \"annotations\": []}");
    assertSays(assertThrows(MalformedFileException.class, () -> open(file)), "[categories]");
  }

  @Test
  void annotationsOfUnknownImagesAndImagesListedTwiceAreLeftOut() throws IOException {
    Files.writeString(
        file,
        """
        {"images": [{"id": 1, "file_name": "1.jpg", "height": 80, "width": 100},
          {"id": 1.0, "file_name": "again.jpg", "height": 80, "width": 100}],
         "annotations": [{"id": 1, "image_id": 4, "category_id": 1, "bbox": [1, 1, 9, 9]},
          {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}],
         "categories": [{"id": 1, "name": "cat"}]}""");
    try (ExampleSource source = open(file)) {
      assertEquals(1, source.size());
      assertEquals(1, source.row(0).fields().path("objects").size());
    }
  }

  @Test
  void picturesStandInTheImagesFolder() throws IOException {
    for (String name : List.of("../1.jpg", "/etc/passwd", "", ".", "a/..", "https://a.org/1.jpg")) {
      write(annotation("1", "[1, 1, 9, 9]", POLYGON));
      Files.writeString(file, Files.readString(file).replace("1.jpg", name));
      try (ExampleSource source = open(file)) {
        assertThrows(BadExampleException.class, () -> source.row(0), name);
        source.fingerprint();
      }
    }
  }

  @Test
  void aByteOrderMarkMovesNoElement() throws IOException {
    write(annotation("1", "[10, 10, 20, 20]", POLYGON));
    String text = Files.readString(file);
    Files.writeString(file, "\ufeff" + text);
    try (ExampleSource source = open(file)) {
      assertEquals(1, source.row(0).fields().path("objects").size());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]|found a JSON array",
        "7|found a single value",
        "''|found an empty file",
        "{\"images\": []|not JSON, or a truncated file",
        "{\"images\": [], \"annotations\": [], \"categories\": []} {}|more text after the end",
        "{\"images\": {}}|\"images\" must be a list"
      })
  void whatIsNoAnnotationFileIsNamed(String text, String why) throws IOException {
    Files.writeString(file, text);
    assertSays(assertThrows(MalformedFileException.class, () -> open(file)), file.toString(), why);
  }

  @Test
  void deepNestingIsRefused() throws IOException {
    Files.writeString(file, "{\"images\": " + "[".repeat(200_000));
    assertSays(assertThrows(MalformedFileException.class, () -> open(file)), file.toString());
    write(annotation("1", "[1, 1, 9, 9]", "[".repeat(900) + "]".repeat(900)));
    try (Task task = segmenting(file)) {
      assertThrows(BadExampleException.class, () -> task.example(0));
    }
  }

  @Test
  void allRowsOfTheOddFilesAreRead() {
    for (String name : List.of("floatid.json", "nan.json", "zeroarea.json", "flatpoly.json")) {
      try (ExampleSource source = open(odd(name))) {
        LongStream.range(0, source.size()).forEach(source::row);
      }
    }
  }
}
