package dev.palimpsest.mixtures;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImageDecoder;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.Row;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of source on files that other programs wrote: see the README beside them. */
class SourcesTest {
  private static final List<String> COLOURS = List.of("red", "green", "blue", "grey");

  private final Path folder;

  SourcesTest(@TempDir Path folder) {
    this.folder = folder;
  }

  private static Path file(String name) {
    return Golden.file("sources/" + name);
  }

  private static byte[] picture(int i) throws IOException {
    return Files.readAllBytes(file("coco/images/%012d.jpg".formatted(i + 1)));
  }

  // ---- tables ------------------------------------------------------------------------------

  private SourceConfig parquet(String name) {
    return new SourceConfig.Parquet(
        file("table-0.parquet").resolveSibling(name).toString(),
        List.of(),
        List.of(),
        null,
        folder.resolve("cache").toString());
  }

  private static SourceConfig arrow(String name) {
    return new SourceConfig.Arrow(file(name).toString(), List.of(), List.of(), null);
  }

  private static void assertTable(ExampleSource source, String firstId) throws IOException {
    assertEquals(12, source.size());
    assertEquals(firstId, source.row(0).id());
    for (int i : new int[] {0, 4, 5, 11, 8, 3, 6, 7}) {
      Row row = source.row(i);
      assertEquals("answer en what colour?", row.fields().path("prefix").textValue());
      assertEquals(COLOURS.get(i % 4), row.fields().at("/suffix/0").textValue());
      assertEquals(COLOURS.get(i % 4) + " colour", row.fields().at("/suffix/1").textValue());
      assertEquals(2, row.fields().path("suffix").size());
      assertEquals(i, row.fields().path("number").longValue());
      JsonNode score = row.fields().path("score");
      assertTrue(i == 4 ? score.isNull() : score.doubleValue() == i / 8.0);
      assertFalse(row.fields().has("image"));
      assertEquals(1, row.images().size());
      assertArrayEquals(picture(i), row.images().get(0).content().read());
    }
    assertThrows(IndexOutOfBoundsException.class, () -> source.row(12));
    assertThrows(IndexOutOfBoundsException.class, () -> source.row(-1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"table-stream.arrow", "table-file.arrow"})
  void readsArrowStreamsAndFiles(String name) throws IOException {
    try (ExampleSource source = ExampleSource.open(arrow(name))) {
      assertTable(source, name + ":0");
    }
  }

  @Test
  void readsParquetOfSeveralFilesAndRowGroups() throws IOException {
    try (ExampleSource source = ExampleSource.open(parquet("table-*.parquet"))) {
      assertTable(source, "table-0.parquet:0");
      assertEquals("table-1.parquet:0", source.row(7).id());
    }
  }

  @Test
  void parquetIsImportedOnceAndNothingHalfWrittenStays() throws IOException {
    ExampleSource.open(parquet("table-0.parquet")).close();
    List<Path> files = list(folder.resolve("cache"));
    assertEquals(1, files.size());
    Path usual = Files.createFile(folder.resolve("usual"));
    assertEquals(
        Files.getPosixFilePermissions(usual),
        Files.getPosixFilePermissions(files.get(0)),
        "others may share it");
    FileTime past = FileTime.fromMillis(1_000_000);
    Files.setLastModifiedTime(files.get(0), past);
    ExampleSource.open(parquet("table-0.parquet")).close();
    assertEquals(files, list(folder.resolve("cache")));
    assertEquals(past, Files.getLastModifiedTime(files.get(0)));
  }

  @Test
  void columnsAreProjectedAndMistakenOnesNamed() throws IOException {
    String path = file("table-0.parquet").toString();
    String cache = folder.toString();
    try (ExampleSource source =
        ExampleSource.open(
            new SourceConfig.Parquet(path, List.of("prefix"), List.of("image"), null, cache))) {
      Row row = source.row(1);
      assertEquals(List.of("prefix"), fieldNames(row));
      assertArrayEquals(picture(1), row.images().get(0).content().read());
    }
    assertSays(
        assertThrows(
            IllegalArgumentException.class,
            () ->
                ExampleSource.open(
                    new SourceConfig.Parquet(path, List.of("prefx"), List.of(), null, cache))),
        "table-0.parquet has no column 'prefx'; it has [image, ");
    assertSays(
        assertThrows(
            IllegalArgumentException.class,
            () ->
                ExampleSource.open(
                    new SourceConfig.Arrow(
                        file("table-file.arrow").toString(), List.of(), List.of("photo"), null))),
        "photo",
        "prefix");
    assertEquals(List.of(), list(folder).stream().filter(f -> f.endsWith("partial")).toList());
  }

  private static List<String> fieldNames(Row row) {
    return row.fields().properties().stream().map(java.util.Map.Entry::getKey).toList();
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  @Test
  void damagedTablesAreRefusedOrNamedNeverMore() throws IOException {
    Random random = new Random(5);
    for (String name : List.of("table-stream.arrow", "table-file.arrow")) {
      byte[] whole = Files.readAllBytes(file(name));
      for (int i = 0; i < 300; i++) {
        byte[] damaged =
            i % 4 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
        for (int k = 0; k < 3 && damaged.length > 0; k++) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
        }
        Path file = folder.resolve("damaged.arrow");
        Files.write(file, damaged);
        try (ExampleSource source =
            ExampleSource.open(
                new SourceConfig.Arrow(file.toString(), List.of(), List.of(), null))) {
          for (long row = 0; row < Math.min(20, source.size()); row++) {
            readWhole(source, row);
          }
        } catch (IllegalArgumentException | UncheckedIOException e) {
          assertSays(e, "damaged.arrow");
        }
      }
    }
  }

  private static void readWhole(ExampleSource source, long index) {
    try {
      for (ImageReference image : source.row(index).images()) {
        image.content().read();
      }
    } catch (BadExampleException | IOException e) {
      assertNotEquals(null, e.getMessage());
    }
  }

  @Test
  void damagedParquetIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(file("table-0.parquet"));
    for (byte[] damaged :
        List.of(
            new byte[0],
            Arrays.copyOf(whole, 1000),
            new byte[300],
            "PAR1".getBytes(StandardCharsets.US_ASCII))) {
      Path file = folder.resolve("damaged.parquet");
      Files.write(file, damaged);
      assertSays(
          assertThrows(
              MalformedFileException.class,
              () ->
                  ExampleSource.open(
                      new SourceConfig.Parquet(
                          file.toString(), List.of(), List.of(), null, folder.toString()))),
          "damaged.parquet",
          "PAR1");
    }
    // Both ends right, the footer between them not.
    byte[] footer = whole.clone();
    Arrays.fill(footer, whole.length - 200, whole.length - 8, (byte) 0x7f);
    Path file = folder.resolve("damaged.parquet");
    Files.write(file, footer);
    assertSays(
        assertThrows(
            MalformedFileException.class,
            () ->
                ExampleSource.open(
                    new SourceConfig.Parquet(
                        file.toString(), List.of(), List.of(), null, folder.toString()))),
        "damaged.parquet");
  }

  // ---- shards ------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"shard-gnu.tar", "shard-pax.tar"})
  void readsShards(String name) throws IOException {
    try (ExampleSource source = ExampleSource.open(new SourceConfig.Tar(file(name).toString()))) {
      assertEquals(12, source.size());
      String longFolder = "a-rather-long-folder-name-".repeat(5);
      assertEquals(name + "!" + longFolder + "/0005", source.row(0).id());
      assertEquals(5, source.row(0).fields().path("number").intValue());
      // The long folder comes first in the archive; then 0000 to 0011 without 0005.
      for (int position : new int[] {11, 1, 5, 6, 3}) {
        int i = position <= 5 ? position - 1 : position;
        Row row = source.row(position);
        assertEquals("%s!part/%04d".formatted(name, i), row.id());
        assertEquals("a %s bôx".formatted(COLOURS.get(i % 4)), row.fields().path("txt").asText());
        assertEquals(i % 4, row.fields().path("cls").asInt());
        assertEquals("caption en", row.fields().path("prefix").asText());
        assertEquals(i, row.fields().path("number").asInt());
        assertEquals(1, row.images().size());
        Image image = ImageDecoder.decode(row.images().get(0).content().read());
        assertEquals(List.of(32, 24), List.of(image.width(), image.height()));
      }
    }
  }

  @Test
  void theEndOfALineIsNoPartOfATextInAShard() throws IOException {
    byte[] bytes = Files.readAllBytes(file("shard-gnu.tar"));
    String archive = new String(bytes, StandardCharsets.ISO_8859_1);
    String text =
        new String("a green bôx".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    bytes[archive.indexOf(text) + text.length() - 1] = '\n';
    Path shard = Files.write(folder.resolve("lines.tar"), bytes);
    try (ExampleSource source = ExampleSource.open(new SourceConfig.Tar(shard.toString()))) {
      assertEquals("a green bô", source.row(0).fields().path("txt").asText());
    }
  }

  @Test
  void bothKindsOfTarHoldTheSame() {
    try (ExampleSource gnu =
            ExampleSource.open(new SourceConfig.Tar(file("shard-gnu.tar").toString()));
        ExampleSource pax =
            ExampleSource.open(new SourceConfig.Tar(file("shard-pax.tar").toString()))) {
      assertEquals(gnu.fingerprint(), pax.fingerprint());
    }
  }

  @Test
  void damagedShardsAreRefusedOrNamedNeverMore() throws IOException {
    Random random = new Random(6);
    byte[] whole = Files.readAllBytes(file("shard-pax.tar"));
    for (int i = 0; i < 300; i++) {
      byte[] damaged =
          i % 4 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
      for (int k = 0; k < 30 && damaged.length > 0; k++) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      }
      Path file = folder.resolve("damaged.tar");
      Files.write(file, damaged);
      try (ExampleSource source = ExampleSource.open(new SourceConfig.Tar(file.toString()))) {
        for (long row = 0; row < source.size(); row++) {
          readWhole(source, row);
        }
      } catch (IllegalArgumentException | UncheckedIOException e) {
        assertSays(e, "damaged.tar");
      }
    }
  }

  @Test
  void membersThatLeaveTheArchiveAreRefused() throws IOException {
    byte[] head = Arrays.copyOf(Files.readAllBytes(file("shard-gnu.tar")), 20 * 512);
    int at = indexOf(head, "part/0000.cls");
    System.arraycopy("../../etc.cls".getBytes(StandardCharsets.US_ASCII), 0, head, at, 13);
    int sum = 0;
    Arrays.fill(head, at + 148, at + 156, (byte) ' ');
    for (int i = 0; i < 512; i++) {
      sum += head[at + i] & 0xff;
    }
    System.arraycopy(
        "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII), 0, head, at + 148, 8);
    Path file = folder.resolve("climbing.tar");
    Files.write(file, head);
    assertSays(
        assertThrows(
            MalformedFileException.class,
            () -> ExampleSource.open(new SourceConfig.Tar(file.toString()))),
        "climbing.tar",
        "../../etc.cls");
  }

  private static int indexOf(byte[] bytes, String text) {
    return new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
  }

  @Test
  void compressedShardsAreRefused() throws IOException {
    Path file = folder.resolve("shard.tar");
    Files.write(file, new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0});
    assertSays(
        assertThrows(
            MalformedFileException.class,
            () -> ExampleSource.open(new SourceConfig.Tar(file.toString()))),
        "compressed");
  }

  // ---- COCO, VQA, Open Images --------------------------------------------------------------

  private static final String IMAGES = file("coco/images").toString();

  private static SourceConfig captions() {
    return new SourceConfig.CocoCaptions(file("coco/captions.json").toString(), IMAGES);
  }

  private static SourceConfig instances() {
    return new SourceConfig.CocoInstances(file("coco/instances.json").toString(), IMAGES);
  }

  private static SourceConfig vqa() {
    return new SourceConfig.Vqa(
        file("coco/questions.json").toString(), file("coco/annotations.json").toString(), IMAGES);
  }

  private static SourceConfig openImages() {
    return new SourceConfig.OpenImages(
        file("coco/boxes.csv").toString(),
        file("coco/labels.csv").toString(),
        file("coco/classes.csv").toString(),
        IMAGES);
  }

  @Test
  void readsCocoCaptions() throws IOException {
    try (ExampleSource source = ExampleSource.open(captions())) {
      assertEquals(11, source.size()); // the twelfth image has none
      for (int i : new int[] {10, 0, 3}) {
        Row row = source.row(i);
        assertEquals(i + 1, row.fields().path("image_id").asInt());
        assertEquals(
            "[\"a %s box\",\"picture of a %s rectangle\"]"
                .formatted(COLOURS.get(i % 4), COLOURS.get(i % 4)),
            row.fields().path("captions").toString());
        assertArrayEquals(picture(i), row.images().get(0).content().read());
      }
      assertEquals("captions.json:1", source.row(0).id());
    }
  }

  @Test
  void readsCocoInstances() {
    try (ExampleSource source = ExampleSource.open(instances())) {
      assertEquals(11, source.size());
      for (int i : new int[] {9, 0, 5}) {
        JsonNode row = source.row(i).fields();
        assertEquals(
            List.of(24, 32), List.of(row.path("height").asInt(), row.path("width").asInt()));
        JsonNode object = row.at("/objects/0");
        assertEquals(COLOURS.get(i % 4), object.path("label").asText());
        int x = 2 + i;
        int y = 3 + i % 5;
        int w = 8 + i % 4;
        int h = 6 + i % 7;
        double[] box = {y / 24.0, x / 32.0, (y + h) / 24.0, (x + w) / 32.0};
        for (int k = 0; k < 4; k++) {
          assertEquals(box[k], object.path("box").get(k).asDouble(), 1e-12);
        }
        assertEquals(8, object.at("/segmentation/0").size());
        assertEquals(0, object.path("iscrowd").asInt());
      }
      JsonNode third = source.row(2).fields().path("objects");
      assertEquals(2, third.size());
      JsonNode crowd = third.get(third.get(0).path("iscrowd").asInt() == 1 ? 0 : 1);
      assertEquals(1.0, crowd.path("box").get(3).asDouble()); // cut at the picture's edge
      assertEquals("[0,768]", crowd.at("/segmentation/counts").toString());
    }
  }

  @Test
  void readsQuestionsWithTheirAnswers() throws IOException {
    try (ExampleSource source = ExampleSource.open(vqa())) {
      assertEquals(12, source.size());
      for (int i = 0; i < 12; i++) {
        Row row = source.row(i);
        assertEquals(1000 + i, row.fields().path("question_id").asInt());
        assertEquals(
            "what colour is the box? (%d)".formatted(i), row.fields().path("question").asText());
        assertEquals(10, row.fields().path("answers").size());
        assertEquals(COLOURS.get(i % 4), row.fields().at("/answers/9").asText());
        assertEquals("other", row.fields().path("answer_type").asText());
        assertArrayEquals(picture(i), row.images().get(0).content().read());
      }
    }
  }

  @Test
  void readsOpenImages() {
    try (ExampleSource source = ExampleSource.open(openImages())) {
      assertEquals(12, source.size());
      for (int i = 0; i < 12; i++) {
        JsonNode row = source.row(i).fields();
        assertEquals("%012d".formatted(i + 1), row.path("image_id").asText());
        assertEquals("[\"%s\"]".formatted(COLOURS.get((i + 1) % 4)), row.path("absent").toString());
        JsonNode object = row.at("/objects/0");
        assertEquals(COLOURS.get(i % 4), object.path("label").asText());
        assertEquals((3 + i % 5) / 24.0, object.at("/box/0").asDouble(), 1e-6); // six decimals
        assertEquals((2 + i) / 32.0, object.at("/box/1").asDouble(), 1e-6);
        assertEquals((3 + i % 5 + 6 + i % 7) / 24.0, object.at("/box/2").asDouble(), 1e-6);
        assertEquals((2 + i + 8 + i % 4) / 32.0, object.at("/box/3").asDouble(), 1e-6);
        assertEquals(i == 3 ? 1 : 0, object.path("iscrowd").asInt());
      }
    }
  }

  @Test
  void aCellThatIsNoNumberIsNamed() throws IOException {
    Path boxes =
        Files.writeString(
            folder.resolve("b.csv"),
            "ImageID,LabelName,XMin,XMax,YMin,YMax\n1,/m/1,0.1,0.5,,0.9\n");
    try (ExampleSource source =
        ExampleSource.open(
            new SourceConfig.OpenImages(boxes.toString(), null, null, folder.toString()))) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)),
          "b.csv, image 1: YMin must be a number, found ''");
    }
  }

  // ---- all of them -------------------------------------------------------------------------

  static Stream<SourceConfig> everyKind() {
    return Stream.of(
        arrow("table-stream.arrow"),
        new SourceConfig.Tar(file("shard-gnu.tar").toString()),
        captions(),
        instances(),
        vqa(),
        openImages());
  }

  @ParameterizedTest
  @MethodSource("everyKind")
  void fingerprintsAreStableAndFollowTheContent(SourceConfig config) throws IOException {
    String before = fingerprint(config);
    assertEquals(before, fingerprint(config));
    Path copy = folder.resolve("copy");
    copy(file(".").normalize(), copy);
    String original = file(".").normalize().toString();
    SourceConfig moved = moved(config, original, copy.toString());
    assertEquals(before, fingerprint(moved), "a fingerprint is of content, not of place");
    for (Path changed :
        Stream.of(
                "table-stream.arrow",
                "shard-gnu.tar",
                "coco/captions.json",
                "coco/instances.json",
                "coco/annotations.json",
                "coco/labels.csv")
            .map(copy::resolve)
            .toList()) {
      String text = Files.readString(changed, StandardCharsets.ISO_8859_1);
      String other = text.replaceFirst("a red box|red|/m/01", "a tan box");
      Files.writeString(changed, other, StandardCharsets.ISO_8859_1);
    }
    if (!(config instanceof SourceConfig.Tar)) { // whose members' sizes no longer fit
      assertNotEquals(before, fingerprint(moved));
    }
  }

  private static String fingerprint(SourceConfig config) {
    try (ExampleSource source = ExampleSource.open(config)) {
      return source.fingerprint();
    }
  }

  private static SourceConfig moved(SourceConfig config, String from, String to) {
    String images = IMAGES.replace(from, to);
    return config.match(
        c -> c,
        c -> c,
        c -> new SourceConfig.Arrow(c.path().replace(from, to), List.of(), List.of(), null),
        c -> new SourceConfig.Tar(c.path().replace(from, to)),
        c -> new SourceConfig.CocoCaptions(c.path().replace(from, to), images),
        c -> new SourceConfig.CocoInstances(c.path().replace(from, to), images),
        c ->
            new SourceConfig.Vqa(
                c.questions().replace(from, to),
                String.valueOf(c.annotations()).replace(from, to),
                images),
        c ->
            new SourceConfig.OpenImages(
                c.boxes().replace(from, to),
                String.valueOf(c.labels()).replace(from, to),
                String.valueOf(c.classes()).replace(from, to),
                images));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(
            file,
            to.resolve(from.relativize(file).toString()),
            StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  @Test
  void globsTakeFilesInTheOrderOfTheirNames() {
    String glob = file("shard-gnu.tar").resolveSibling("shard-*.tar").toString();
    try (ExampleSource source = ExampleSource.open(new SourceConfig.Tar(glob))) {
      assertEquals(24, source.size());
      assertTrue(source.row(11).id().startsWith("shard-gnu.tar!"));
      assertTrue(source.row(12).id().startsWith("shard-pax.tar!"));
    }
    SourceConfig none = new SourceConfig.Tar(folder.resolve("*.tar").toString());
    assertSays(assertThrows(UncheckedIOException.class, () -> ExampleSource.open(none)), "*.tar");
    assertEquals(
        "no file matches " + folder.resolve("*.tar"), ExampleSource.missing(none).get("path"));
  }

  @Test
  void globsFollowLinks() throws IOException {
    Path real = Files.createDirectories(folder.resolve("disk/en"));
    Files.writeString(real.resolve("0.jsonl"), "{\"suffix\": \"a\"}\n");
    Files.createSymbolicLink(real.resolve("1.jsonl"), real.resolve("0.jsonl"));
    Files.createSymbolicLink(folder.resolve("disk/again"), folder.resolve("disk")); // a loop
    Files.createSymbolicLink(folder.resolve("disk/gone"), folder.resolve("nowhere"));
    Path data = Files.createSymbolicLink(folder.resolve("data"), folder.resolve("disk"));
    SourceConfig config = new SourceConfig.JsonLines(data.resolve("*/*.jsonl").toString(), null);
    assertEquals(Map.of(), ExampleSource.missing(config));
    try (ExampleSource source = ExampleSource.open(config)) {
      assertEquals(2, source.size());
    }
  }

  @Test
  void filesOfTheSameNameInSeveralFoldersHaveRowsOfDifferentNames() throws IOException {
    for (String language : List.of("de", "en/a", "en/b")) {
      Path to = Files.createDirectories(folder.resolve("x").resolve(language));
      Files.writeString(to.resolve("0.jsonl"), "{\"suffix\": \"a\"}\n{\"suffix\": \"b\"}\n");
    }
    String glob = folder.resolve("x/{de,en/*}/*.jsonl").toString();
    try (ExampleSource source = ExampleSource.open(new SourceConfig.JsonLines(glob, null))) {
      assertEquals(
          List.of(
              "de/0.jsonl:1",
              "de/0.jsonl:2",
              "en/a/0.jsonl:1",
              "en/a/0.jsonl:2",
              "en/b/0.jsonl:1",
              "en/b/0.jsonl:2"),
          LongStream.range(0, source.size()).mapToObj(i -> source.row(i).id()).toList());
    }
  }
}
