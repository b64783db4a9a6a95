package dev.palimpsest.mixtures.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextFileTest {
  private final Path file;

  TextFileTest(@TempDir Path folder) {
    file = folder.resolve("a.txt");
  }

  private void assertRefused(String... parts) {
    String message =
        String.valueOf(
            assertThrows(MalformedFileException.class, () -> TextFile.read(file)).getMessage());
    assertTrue(message.startsWith(file.toString()), message);
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "two\nlines", "é\ufeff"})
  void aMarkIsNoPartOfTheText(String text) throws IOException {
    Files.writeString(file, text);
    assertEquals(text, TextFile.read(file));
    Files.writeString(file, "\ufeff" + text);
    assertEquals(text, TextFile.read(file));
    assertEquals(text.lines().toList(), TextFile.lines(file));
    try (FileBytes bytes = FileBytes.open(file)) {
      assertEquals(3, TextFile.start(bytes));
    }
  }

  @ParameterizedTest
  @CsvSource({"UTF-16LE,UTF-16", "UTF-16BE,UTF-16", "UTF-32LE,UTF-32", "UTF-32BE,UTF-32"})
  void otherEncodingsAreNamed(String charset, String name) throws IOException {
    Files.write(file, "\ufeffa text".getBytes(Charset.forName(charset)));
    assertRefused("is " + name, "save it as UTF-8");
  }

  @Test
  void whatIsNoTextIsNamed() throws IOException {
    Files.write(file, "é".getBytes(StandardCharsets.ISO_8859_1));
    assertRefused("is not UTF-8");
    Files.write(file, new byte[] {'B', 'Z', 'h', '9'});
    assertRefused("compressed (bzip2)");
    Files.delete(file);
    Files.createDirectory(file);
    assertRefused("is a folder");
    assertThrows(MalformedFileException.class, () -> TextFile.open(Path.of("/dev/zero")));
    assertThrows(MalformedFileException.class, () -> FileBytes.open(Path.of("/dev/zero")));
  }

  @Test
  void everyReaderOfTextsPassesOverTheMark() throws IOException {
    Files.writeString(file, "\ufeffa,b\n1,2\n");
    assertEquals(List.of(Map.of("a", "1", "b", "2")), Csv.read(file, "a"));
    Files.writeString(file, "\ufeff{\"x\": [{\"id\": 2.0, \"box\": [1, 2.0]}]}");
    try (JsonElements elements = JsonElements.open(file)) {
      elements.scan(
          Map.of(
              "x",
              new JsonElements.ListOf(
                  List.of("id", "box"),
                  (start, length, values) -> {
                    assertEquals("2", values[0]);
                    assertEquals("1,2", values[1]);
                    try {
                      assertEquals(2, elements.read(start, length).path("id").asInt());
                    } catch (IOException e) {
                      throw new IllegalStateException(e);
                    }
                  })),
          new java.util.HashMap<>());
    }
  }

  @Test
  void wholeNumbersAreOneIdAndOthersStayWhatTheyAre() {
    JsonNodeFactory json = JsonNodeFactory.instance;
    assertEquals("2", JsonValues.id(json.numberNode(2.0)));
    assertEquals("-3", JsonValues.id(json.numberNode(-3e0)));
    assertEquals("0", JsonValues.id(json.numberNode(-0.0)));
    assertEquals("1.5", JsonValues.id(json.numberNode(1.5)));
    assertEquals("NaN", JsonValues.id(json.numberNode(Double.NaN)));
    assertEquals("2.0", JsonValues.id(json.textNode("2.0")));
    assertEquals("1.0E300", JsonValues.id(json.numberNode(1e300)));
    assertEquals("2", JsonValues.wholeId(json.numberNode(2.0)).toString());
    assertEquals("1.5", JsonValues.wholeId(json.numberNode(1.5)).toString());
    assertEquals("\"2.0\"", JsonValues.wholeId(json.textNode("2.0")).toString());
  }
}
