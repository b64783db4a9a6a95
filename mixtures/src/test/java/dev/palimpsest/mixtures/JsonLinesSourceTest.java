package dev.palimpsest.mixtures;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.configs.SourceConfig;
import dev.palimpsest.configs.TaskConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
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

  @Test
  void aSourceWithoutExamplesOrFileIsRefused() throws IOException {
    assertSays(assertThrows(UncheckedIOException.class, this::open), file.toString());
    write("\n \n");
    assertSays(assertThrows(IllegalArgumentException.class, this::open), "holds no example");
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
        config, new TextRoom(Tokenizer.load(Golden.file("tokenizer/tiny.model")), 128));
  }
}
