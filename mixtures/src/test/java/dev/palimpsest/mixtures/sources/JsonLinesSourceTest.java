package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonLinesSourceTest {
  private final Path folder;
  private final Path file;

  JsonLinesSourceTest(@TempDir Path folder) {
    this.folder = folder;
    file = folder.resolve("train.jsonl");
  }

  @Test
  void readsThePublishedFormat() throws IOException {
    write("{\"image\": \"a/1.jpg\", \"prefix\": \"caption en\", \"suffix\": \"ein Bär 🐻\"}\n");
    try (Task source = open()) {
      assertEquals(1, source.size());
      assertEquals(
          new Example(
              "train.jsonl:1",
              List.of(ImageReference.file(folder.toAbsolutePath().resolve("a/1.jpg"))),
              "caption en",
              "ein Bär 🐻"),
          source.example(0));
    }
  }

  @Test
  void imagesMayBeListedOrAbsentAndOtherFieldsAreIgnored() throws IOException {
    write(
        """
        {"image": ["1.png", "2.png"], "prefix": "p", "suffix": "s", "extra": {"a": [1]}}
        {"suffix": ""}
        """);
    try (Task source = open()) {
      assertEquals(2, source.example(0).images().size());
      assertEquals(List.of(), source.example(1).images());
      assertEquals("", source.example(1).prefix());
    }
  }

  @Test
  void anyLineIsReadByItsOffset() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 5000; i++) {
      text.append("{\"prefix\": \"%s\", \"suffix\": \"%d\"}\n".formatted("ü".repeat(i % 50), i));
    }
    write(text.toString());
    try (Task source = open()) {
      assertEquals(5000, source.size());
      for (int i = 4999; i >= 0; i -= 7) {
        assertEquals(String.valueOf(i), source.example(i).suffix());
        assertEquals("train.jsonl:" + (i + 1), source.example(i).id());
      }
    }
  }

  @Test
  void emptyLinesWindowsLineEndsAndAMissingLastLineEndAreFine() throws IOException {
    write("\n{\"suffix\": \"a\"}\r\n\r\n  \n{\"suffix\": \"b\"}");
    try (Task source = open()) {
      assertEquals(2, source.size());
      assertEquals("a", source.example(0).suffix());
      assertEquals("b", source.example(1).suffix());
      assertEquals("train.jsonl:5", source.example(1).id());
    }
  }

  @Test
  void aByteOrderMarkIsNoPartOfTheFirstLine() throws IOException {
    write("\ufeff{\"suffix\": \"a\"}\n{\"suffix\": \"b\"}\n");
    try (Task source = open()) {
      assertEquals("a", source.example(0).suffix());
      assertEquals("b", source.example(1).suffix());
    }
  }

  @Test
  void everyTargetIsShownOnceBeforeAnyComesAgain() throws IOException {
    write("{\"suffix\": [\"a\", \"b\", \"c\"]}\n".repeat(40));
    try (Task source = open()) {
      Set<String> first = new HashSet<>();
      for (int i = 0; i < source.size(); i++) {
        assertEquals(List.of("a", "b", "c"), source.example(i).references());
        first.add(source.example(i).suffix());
        for (int cycle = 0; cycle < 2; cycle++) {
          int example = i;
          int start = 3 * cycle;
          List<String> shown =
              IntStream.range(start, start + 3)
                  .mapToObj(epoch -> source.example(example, epoch, Draw.inOrder()).suffix())
                  .sorted()
                  .toList();
          assertEquals(List.of("a", "b", "c"), shown);
        }
      }
      assertEquals(Set.of("a", "b", "c"), first, "one epoch shows first targets only");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"suffix\": \"a\"|it is not one JSON object",
        "{\"suffix\": \"a\"} {}|it is not one JSON object",
        "[1]|expected a JSON object",
        "{\"prefix\": \"a\"}|suffix must be",
        "{\"suffix\": []}|suffix must be",
        "{\"suffix\": 7}|suffix must be a text, found 7",
        "{\"suffix\": \"a\", \"image\": 3}|image must be a text, found 3",
        "{\"suffix\": \"a\", \"image\": \"../1.png\"}|leaves the images folder",
      })
  void aBadLineIsNamedByFileAndNumber(String line, String why) throws IOException {
    write("{\"suffix\": \"fine\"}\n" + line + "\n");
    try (Task source = open()) {
      assertEquals("fine", source.example(0).suffix());
      var e = assertThrows(BadExampleException.class, () -> source.example(1));
      assertSays(e, "train.jsonl:2", why);
    }
  }

  @Test
  void aLineThatIsNotUtf8IsRefused() throws IOException {
    Files.write(file, "{\"suffix\": \"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1));
    try (Task source = open()) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(0)), "not UTF-8", ":1");
    }
  }

  @Test
  void absoluteImageNamesAreTakenAsTheyAre() throws IOException {
    Path image = folder.toAbsolutePath().getRoot().resolve("data").resolve("1.png");
    write("{\"image\": \"%s\", \"suffix\": \"\"}".formatted(image.toString().replace('\\', '/')));
    try (Task source = open()) {
      assertEquals(List.of(ImageReference.file(image)), source.example(0).images());
    }
  }

  private static Path odd(String name) {
    return Golden.file("odd/jsonl/" + name);
  }

  private static Task open(Path file, Map<String, String> fields) {
    return Task.open(
        new TaskConfig(
            new SourceConfig.JsonLines(file.toString(), null), new TaskType.PrefixSuffix(), fields),
        new TextBudget(Tokenizer.load(Golden.file("tokenizer/tiny.model")), 128));
  }

  @Test
  void picturesAreReadFromImagesAndFromAnyNameTheRecipeSays() throws IOException {
    try (Task source = open(odd("images.jsonl"), Map.of())) {
      assertEquals(1, source.example(0).images().size());
    }
    try (Task source = open(odd("metadata.jsonl"), Map.of("image", "file_name"))) {
      assertEquals(
          List.of(ImageReference.file(odd("a.jpg").toAbsolutePath())), source.example(0).images());
    }
    write("{\"meta\": [{\"pic\": \"1.png\"}, {\"pic\": \"2.png\"}], \"suffix\": \"a\"}");
    try (Task source = open(file, Map.of("image", "meta.pic"))) {
      assertEquals(2, source.example(0).images().size());
    }
    SourceConfig several =
        new SourceConfig.JsonLines(file.toString(), null, List.of("left", "right"));
    write("{\"right\": \"r.png\", \"left\": \"l.png\", \"suffix\": \"a\"}");
    try (ExampleSource source = ExampleSource.open(several)) {
      assertEquals(List.of(image("l.png"), image("r.png")), source.row(0).images());
    }
  }

  private ImageReference image(String name) {
    return ImageReference.file(folder.toAbsolutePath().resolve(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"file_name\": \"a.jpg\"",
        "\"image_path\": \"a\"",
        "\"img\": {\"path\": \"a\", \"bytes\": null}",
        "\"image\": null, \"photo\": \"a\"",
        "\"images\": [], \"image_urls\": [\"https://a.org/1\"]",
        "\"anything\": \"folder/a.JPEG\"",
        "\"path\": \"a.webp\""
      })
  void aSourceWhosePicturesHaveNamesThatAreNotReadIsRefused(String picture) throws IOException {
    write("{%s, \"suffix\": \"a\"}\n".formatted(picture).repeat(3));
    MalformedFileException e = assertThrows(MalformedFileException.class, this::open);
    assertSays(e, "no row has a picture in image or images", "'fields: {image: ");
    // Beside rows with pictures, it is the row that is bad.
    write(
        "{\"image\": \"a.jpg\", \"suffix\": \"a\"}\n{%s, \"suffix\": \"a\"}\n".formatted(picture));
    try (Task source = open()) {
      assertEquals(1, source.example(0).images().size());
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(1)),
          "train.jsonl:2: it has no picture in image or images, but",
          "looks like one");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"image_id\": \"a\"",
        "\"url\": \"https://a.org/page\"",
        "\"text\": \"what is in a.jpg\"",
        "\"path\": \"chapter\""
      })
  void rowsOfTextAloneAreRead(String other) throws IOException {
    write("{%s, \"suffix\": \"a\"}".formatted(other));
    try (Task source = open()) {
      assertEquals(List.of(), source.example(0).images());
    }
  }

  @Test
  void bytesAndPathsAsHuggingFaceWritesThemAreRead() throws IOException {
    write(
        """
        {"image": {"bytes": null, "path": "1.png"}, "suffix": "a"}
        {"image": {"bytes": "AAEC", "path": "1.png"}, "suffix": "a"}
        {"image": {"bytes": "A*", "path": "1.png"}, "suffix": "a"}
        {"image": {"height": 3}, "suffix": "a"}
        {"image": "1.png", "images": ["1.png"], "suffix": "a"}
        """);
    try (Task source = open()) {
      assertEquals(List.of(image("1.png")), source.example(0).images());
      assertArrayEquals(new byte[] {0, 1, 2}, source.example(1).images().get(0).content().read());
      assertSays(assertThrows(BadExampleException.class, () -> source.example(2)), "train.jsonl:3");
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(3)),
          "image must be a text, found {\"height\":3}");
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(4)),
          "both image and images");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"conversations", "messages"})
  void conversationsAreNamed(String key) throws IOException {
    write(
        "{\"image\": \"a.jpg\", \"%s\": [{\"from\": \"human\", \"value\": \"<image>\"}]}"
            .formatted(key));
    try (Task source = open()) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(0)),
          "it is a conversation in '" + key + "'",
          "prefix and suffix");
    }
  }

  @Test
  void anArrayIsNamed() {
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(odd("array.json"), Map.of())),
        "array.json: a JSON array; expected one object per line");
  }

  @Test
  void objectsOverSeveralLinesAndCompressedFilesAreNamed() throws IOException {
    write("{\n  \"suffix\": \"a\"\n}\n{\n  \"suffix\": \"b\"\n}\n");
    assertSays(
        assertThrows(MalformedFileException.class, this::open),
        "JSON over several lines; expected one object per line");
    write("[{\"suffix\": \"a\"}]");
    assertSays(assertThrows(MalformedFileException.class, this::open), "a JSON array");
    Files.write(file, new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0});
    assertSays(
        assertThrows(MalformedFileException.class, this::open), "train.jsonl is compressed (gzip)");
    Files.write(file, "{\"suffix\": \"a\"}".getBytes(StandardCharsets.UTF_16));
    assertSays(
        assertThrows(MalformedFileException.class, this::open),
        "train.jsonl is UTF-16; save it as UTF-8");
  }

  @ParameterizedTest
  @CsvSource({
    "'',the image's name is empty",
    "' ',the image's name is empty",
    "., is a folder",
    "a/.., is a folder",
    "./, is a folder",
    "/, is a folder",
    "https://a.org/1.png,is a URL",
    "data:image/png;base64 AA,is a URL",
    "../1.png,leaves the images folder",
    "a/../../1.png,leaves the images folder"
  })
  void aNameThatIsNoFileIsRefused(String name, String why) throws IOException {
    write(
        "{\"image\": \"a.png\", \"suffix\": \"a\"}\n{\"image\": \"%s\", \"suffix\": \"a\"}"
            .formatted(name));
    try (Task source = open()) {
      BadExampleException e = assertThrows(BadExampleException.class, () -> source.example(1));
      assertSays(e, "train.jsonl:2", why);
    }
  }

  @Test
  void picturesThatArePipesOrDevicesAreRefused() throws IOException {
    write("{\"image\": \"/dev/zero\", \"suffix\": \"a\"}");
    try (Task source = open()) {
      assertSays(
          assertThrows(IOException.class, () -> source.example(0).images().get(0).content().read()),
          "a pipe, a device");
    }
    UncheckedIOException device =
        assertThrows(UncheckedIOException.class, () -> open(Path.of("/dev/zero"), Map.of()));
    assertSays(Objects.requireNonNull(device.getCause()), "is a pipe or a device");
  }

  @Test
  void aLineOfAHundredMegabytesIsABadRow() throws IOException {
    try (var out = Files.newOutputStream(file)) {
      out.write("{\"suffix\": \"a\"}\n{\"suffix\": \"".getBytes(StandardCharsets.UTF_8));
      byte[] much = new byte[1 << 20];
      java.util.Arrays.fill(much, (byte) 'a');
      for (int i = 0; i < 100; i++) {
        out.write(much);
      }
      out.write("\"}\n{\"suffix\": \"b\"}\n".getBytes(StandardCharsets.UTF_8));
    }
    try (Task source = open()) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(1)),
          "train.jsonl:2: a line of 1048576");
      assertEquals("b", source.example(2).suffix());
    }
  }

  @Test
  void oddJsonIsReadAsPythonReadsItOrNamed() throws IOException {
    write(
        """
        {"score": NaN, "suffix": "a", "suffix": "b", "n": -Infinity, "big": 1e400}
        {"suffix": "a"}{"suffix": "b"}
        %s
        {"suffix": "a\\u0000"}
        """
            .formatted("[".repeat(5000)));
    try (Task source = open()) {
      assertEquals("b", source.example(0).suffix());
      assertSays(
          assertThrows(BadExampleException.class, () -> source.example(1)),
          "another value follows on the same line");
      assertSays(assertThrows(BadExampleException.class, () -> source.example(2)), ":3");
      assertEquals("a\u0000", source.example(3).suffix());
      source.fingerprint();
    }
  }

  @Test
  void emptyFilesOfAGlobArePassedOver() throws IOException {
    Files.writeString(folder.resolve("p-0.jsonl"), "");
    Files.writeString(folder.resolve("p-1.jsonl"), "{\"suffix\": \"a\"}\n");
    Files.writeString(folder.resolve("p-2.jsonl"), "\n");
    try (Task source = open(folder.resolve("p-*.jsonl"), Map.of())) {
      assertEquals(1, source.size());
    }
  }

  @Test
  void aSourceWithoutExamplesOrFileIsRefused() throws IOException {
    assertSays(assertThrows(UncheckedIOException.class, this::open), file.toString());
    write("\n \n");
    assertSays(assertThrows(IllegalArgumentException.class, this::open), "has no examples");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 1})
  void aPositionOutsideIsRefused(long position) throws IOException {
    write("{\"suffix\": \"a\"}");
    try (Task source = open()) {
      assertThrows(IndexOutOfBoundsException.class, () -> source.example(position));
    }
  }

  @Test
  void theFingerprintFollowsTheContent() throws IOException {
    String line = "{\"image\": \"1.png\", \"suffix\": \"a\"}";
    write(line);
    String without = fingerprint();
    assertEquals(without, fingerprint());
    Files.write(folder.resolve("1.png"), new byte[10]);
    String with = fingerprint();
    assertNotEquals(without, with);
    Files.write(folder.resolve("1.png"), new byte[11]);
    assertNotEquals(with, fingerprint());
    Files.write(folder.resolve("1.png"), new byte[10]);
    assertEquals(with, fingerprint());
    write(line.replace("\"a\"", "\"b\""));
    assertNotEquals(with, fingerprint());
  }

  private String fingerprint() {
    try (Task source = open()) {
      return source.fingerprint();
    }
  }

  private void write(String text) throws IOException {
    Files.writeString(file, text);
  }

  private Task open() {
    TaskConfig config = new TaskConfig(new SourceConfig.JsonLines(file.toString(), null));
    return Task.open(
        config, new TextBudget(Tokenizer.load(Golden.file("tokenizer/tiny.model")), 128));
  }
}
