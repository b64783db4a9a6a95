package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpenImagesSourceTest {
  private static final String HEAD = "ImageID,LabelName,XMin,XMax,YMin,YMax";

  private final Path folder;

  OpenImagesSourceTest(@TempDir Path folder) {
    this.folder = folder;
  }

  private static Path odd(String name) {
    return Golden.file("odd/openimages/" + name);
  }

  private ExampleSource open(Path boxes, @Nullable Path classes) {
    return ExampleSource.open(
        new SourceConfig.OpenImages(
            boxes.toString(),
            null,
            classes == null ? null : classes.toString(),
            folder.toString()));
  }

  private Path write(String text) throws IOException {
    return Files.writeString(folder.resolve("boxes.csv"), text);
  }

  @Test
  void aByteOrderMarkIsNoPartOfTheFirstClass() {
    try (ExampleSource source = open(odd("zero.csv"), odd("classesbom.csv"))) {
      assertEquals("Cat", source.row(0).fields().at("/objects/0/label").asText());
    }
  }

  @Test
  void aBoxWithoutAreaIsLeftOut() {
    try (ExampleSource source = open(odd("zero.csv"), null)) {
      assertEquals(1, source.size());
      assertEquals(1, source.row(0).fields().path("objects").size());
    }
  }

  @Test
  void anImageOfSuchBoxesAloneIsNone() throws IOException {
    Path boxes =
        write(HEAD + "\na,/m/1,0.5,0.1,0,1\nb,/m/1,0,1,0,1\nb,/m/1,1.5,2,0,1\na,/m/1,0,1,2,3\n");
    try (ExampleSource source = open(boxes, null)) {
      assertEquals(1, source.size());
      assertEquals("boxes.csv:b", source.row(0).id());
      assertEquals(1, source.row(0).fields().path("objects").size());
    }
    Path pixels = write(HEAD + "\na,/m/1,10,50,20,60\n");
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(pixels, null)),
        "holds no box with an area between 0 and 1");
  }

  @Test
  void markWindowsLinesQuotesAndBlankLinesAreFine() throws IOException {
    Path boxes = write("\ufeff" + HEAD + "\r\n\"a\",/m/1,0.1,0.5,\"0.2\",0.6\r\n\r\n  \r\n\n");
    Path classes =
        Files.writeString(
            folder.resolve("classes.csv"), "\ufeff/m/1,\"Cat, \"\"domestic\"\"\"\r\n\r\n");
    try (ExampleSource source = open(boxes, classes)) {
      assertEquals(1, source.size());
      JsonNode object = source.row(0).fields().at("/objects/0");
      assertEquals("Cat, \"domestic\"", object.path("label").asText());
      assertEquals("[0.2,0.1,0.6,0.5]", object.path("box").toString());
    }
  }

  @Test
  void aColumnNamedTwiceIsRefused() {
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(odd("boxes-short-row.csv"), null)),
        "boxes-short-row.csv:1: the header names the column Confidence twice");
  }

  @Test
  void rowsOfAnotherLengthAndIdsThatAreNoNamesAreBadRows() {
    try (ExampleSource source = open(odd("boxes-nul.csv"), null)) {
      for (long i = 0; i < source.size(); i++) {
        long row = i;
        assertSays(assertThrows(BadExampleException.class, () -> source.row(row)), "boxes-nul.csv");
      }
      source.fingerprint();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../a", "/a", "a\u0000b"})
  void anIdThatIsNoFileNameIsABadRow(String id) throws IOException {
    try (ExampleSource source = open(write(HEAD + "\n" + id + ",/m/1,0,1,0,1\n"), null)) {
      assertThrows(BadExampleException.class, () -> source.row(0));
      source.fingerprint();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "", "x"})
  void anEdgeThatIsNoNumberIsNamed(String edge) throws IOException {
    try (ExampleSource source = open(write(HEAD + "\na,/m/1,0,1," + edge + ",1\n"), null)) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)),
          "YMin must be a number, found '" + edge + "'");
    }
  }

  /** It would swallow the rest of the file, and of memory. */
  @Test
  void aQuoteThatIsNotClosedIsRefused() throws IOException {
    Path boxes = write(HEAD + "\n\"a,/m/1,0,1,0,1\n" + "a,/m/1,0,1,0,1\n".repeat(400_000));
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(boxes, null)),
        "boxes.csv, byte 38: a row of more than");
    Path shorter = write(HEAD + "\n\"a,/m/1,0,1,0,1\n");
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(shorter, null)),
        "a quote is not closed");
  }
}
