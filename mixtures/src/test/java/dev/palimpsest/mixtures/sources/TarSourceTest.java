package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** WebDataset's naming rule, and archives as several programs write them. */
class TarSourceTest {
  private final Path folder;

  TarSourceTest(@TempDir Path folder) {
    this.folder = folder;
  }

  private static Path odd(String name) {
    return Golden.file("odd/tar/" + name);
  }

  private static ExampleSource open(Path file, String... pictures) {
    return ExampleSource.open(new SourceConfig.Tar(file.toString(), List.of(pictures)));
  }

  private static List<String> images(Row row) {
    return row.images().stream().map(ImageReference::name).toList();
  }

  /** A plain archive of text members, name and content in turn. */
  private Path write(String... namesAndTexts) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < namesAndTexts.length; i += 2) {
      byte[] content = namesAndTexts[i + 1].getBytes(StandardCharsets.UTF_8);
      bytes.writeBytes(head(namesAndTexts[i], '0', content.length));
      bytes.writeBytes(Arrays.copyOf(content, (content.length + 511) / 512 * 512));
    }
    bytes.writeBytes(new byte[1024]);
    return Files.write(folder.resolve("shard.tar"), bytes.toByteArray());
  }

  private static byte[] head(String name, char type, long size) {
    byte[] head = new byte[512];
    put(head, 0, name);
    put(head, 124, "%011o".formatted(size));
    head[156] = (byte) type;
    put(head, 257, "ustar\u000000");
    Arrays.fill(head, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : head) {
      sum += b & 0xff;
    }
    put(head, 148, "%06o\0 ".formatted(sum));
    return head;
  }

  private static void put(byte[] head, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, head, at, bytes.length);
  }

  @Test
  void aPartsNameIsAllAfterTheFirstDot() {
    try (ExampleSource source = open(odd("multi.tar"))) {
      assertEquals(1, source.size());
      Row row = source.row(0);
      assertEquals("multi.tar!000", row.id());
      assertEquals(List.of("multi.tar!000.left.png", "multi.tar!000.right.png"), images(row));
      assertEquals(
          List.of("question.txt", "answer.txt"),
          row.fields().properties().stream().map(Map.Entry::getKey).toList());
    }
    TaskConfig config =
        new TaskConfig(
            new SourceConfig.Tar(odd("multi.tar").toString()),
            new TaskType.PrefixSuffix(),
            Map.of("prefix", "question.txt", "suffix", "answer.txt"));
    try (Task task =
        Task.open(
            config, new TextBudget(Tokenizer.load(Golden.file("tokenizer/tiny.model")), 64))) {
      assertEquals(5, task.example(0).prefix().length());
      assertEquals(3, task.example(0).suffix().length());
    }
  }

  @Test
  void whichPartsArePicturesIsTheRecipesToSay() throws IOException {
    try (ExampleSource source = open(odd("multi.tar"), "right.png", "left.png")) {
      assertEquals(
          List.of("multi.tar!000.right.png", "multi.tar!000.left.png"), images(source.row(0)));
    }
    try (ExampleSource source = open(odd("multi.tar"), "jpg;left.png")) {
      assertEquals(List.of("multi.tar!000.left.png"), images(source.row(0)));
    }
    try (ExampleSource source = open(odd("multi.tar"), "png")) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)),
          "it should have the part png, but has [left.png, right.png, question.txt, answer.txt]");
    }
    try (ExampleSource source = open(odd("multi.tar"), "left.png;right.png")) {
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(0)),
          "it should have one of left.png;right.png, but has [");
    }
    // A part that no ending gives away.
    Path tokens = write("a.tokens", "x", "a.txt", "y");
    TaskConfig named =
        new TaskConfig(
            new SourceConfig.Tar(tokens.toString()),
            new TaskType.Caption("en", Map.of()),
            Map.of("captions", "txt", "image", "tokens"));
    try (ExampleSource source = ExampleSource.open(named.pictured())) {
      assertEquals(List.of("shard.tar!a.tokens"), images(source.row(0)));
    }
  }

  @Test
  void theSamePartTwiceIsABadExample() throws IOException {
    Path file = write("0.txt", "fine", "1.txt", "a", "1.TXT", "b", "2.txt", "fine");
    try (ExampleSource source = open(file)) {
      assertEquals(3, source.size());
      assertEquals("fine", source.row(0).fields().path("txt").asText());
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(1)),
          "shard.tar, example 1: 1 has the part txt twice");
      assertEquals("fine", source.row(2).fields().path("txt").asText());
    }
  }

  @Test
  void namesWithoutAKeyArePassedOver() throws IOException {
    try (ExampleSource source = open(odd("appledouble.tar"))) {
      assertEquals(2, source.size());
      assertEquals("appledouble.tar!000", source.row(0).id());
      assertEquals(List.of("appledouble.tar!000.jpg"), images(source.row(0)));
      assertEquals("appledouble.tar!sub/001", source.row(1).id());
      assertEquals(1, source.row(1).fields().path("txt").asText().length());
    }
    Path file =
        write(
            "README",
            "r",
            "a.b/README",
            "r",
            "a.b/0.txt",
            "zero",
            "a.b/.DS_Store",
            "d",
            "a.b/0.cls",
            "7",
            "__index__",
            "[]",
            "__meta__/x.txt",
            "m",
            "1.txt",
            "one");
    try (ExampleSource source = open(file)) {
      assertEquals(2, source.size());
      assertEquals("shard.tar!a.b/0", source.row(0).id());
      assertEquals("{\"txt\":\"zero\",\"cls\":\"7\"}", source.row(0).fields().toString());
      assertEquals("one", source.row(1).fields().path("txt").asText());
    }
  }

  @Test
  void absoluteNamesAreKeysLikeOthers() {
    try (ExampleSource source = open(odd("abs.tar"))) {
      assertEquals(1, source.size());
      assertEquals("abs.tar!/data/000", source.row(0).id());
      assertEquals(1, source.row(0).images().size());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1f8b0800,gzip",
    "425a6839,bzip2",
    "fd377a585a000004,xz",
    "28b52ffd2430,zstd",
    "04224d186440,lz4",
    "504b030414,zip",
    "377abcaf271c,7-Zip"
  })
  void compressionsAreNamed(String head, String name) throws IOException {
    Path file = Files.write(folder.resolve("a.tar"), HexFormat.of().parseHex(head));
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(file)),
        "a.tar is compressed (" + name + ")",
        "unpack it");
  }

  @Test
  void aCompressedArchiveIsNamedAsWell() {
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(odd("bz2.tar.bz2"))), "(bzip2)");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ustar.tar", "gnu.tar", "pax.tar"})
  void everyFlavourOfTarIsRead(String name) {
    try (ExampleSource source = open(odd(name))) {
      assertEquals(2, source.size());
      assertEquals(
          name + "!" + "folder/".repeat(name.equals("ustar.tar") ? 10 : 40) + "000",
          source.row(0).id());
      assertEquals("zero", source.row(0).fields().path("txt").asText());
      assertEquals("eïns", source.row(1).fields().path("txt").asText());
      assertFalse(source.fingerprint().isEmpty());
    }
  }

  @Test
  void readsWhatWebDatasetWrites() {
    try (ExampleSource source = open(odd("webdataset.tar"))) {
      assertEquals(3, source.size());
      for (int i = 0; i < 3; i++) {
        JsonNode fields = source.row(i).fields();
        assertEquals("webdataset.tar!part/%06d".formatted(i), source.row(i).id());
        assertEquals("left " + i, fields.path("left.txt").asText());
        assertEquals(i, fields.path("n").asInt());
        assertEquals("[%d,null]".formatted(i), fields.path("meta.json").toString());
        assertEquals(String.valueOf(i), fields.path("cls").asText());
      }
    }
  }

  @Test
  void shardsWithoutExamplesArePassedOverUnlessAllAre() throws IOException {
    Files.copy(odd("none.tar"), folder.resolve("s-0.tar"));
    Files.copy(odd("webdataset.tar"), folder.resolve("s-1.tar"));
    Files.copy(odd("none.tar"), folder.resolve("s-2.tar"));
    try (ExampleSource source = open(folder.resolve("s-{0..2}.tar"))) {
      assertEquals(3, source.size());
      assertEquals("s-1.tar!part/000002", source.row(2).id());
    }
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(folder.resolve("s-{0,2}.tar"))),
        "none of the 2 files of source",
        "s-{0,2}.tar");
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(folder.resolve("s-0.tar"))),
        "s-0.tar has no examples");
  }

  @Test
  void aMissingMemberOfARangeIsNamed() throws IOException {
    for (int i : new int[] {0, 1, 3}) {
      Files.copy(odd("webdataset.tar"), folder.resolve("%03d.tar".formatted(i)));
    }
    Path range = folder.resolve("{000..003}.tar");
    UncheckedIOException e = assertThrows(UncheckedIOException.class, () -> open(range));
    assertSays(
        Objects.requireNonNull(e.getCause()), "there is no file " + folder.resolve("002.tar"));
    assertSays(
        new Exception(ExampleSource.missing(new SourceConfig.Tar(range.toString())).get("path")),
        "no file matches",
        "002.tar");
    Path many = folder.resolve("{0..99999999999}.tar");
    assertSays(
        new Exception(ExampleSource.missing(new SourceConfig.Tar(many.toString())).get("path")),
        "its braces expand to more than 1000000 paths");
    try (ExampleSource source = open(folder.resolve("{000..001}.t[a]r"))) {
      assertEquals(6, source.size());
    }
  }

  @Test
  void emptyAndCutArchivesAreNamed() throws IOException {
    Path file = folder.resolve("a.tar");
    Files.write(file, new byte[0]);
    assertSays(assertThrows(MalformedFileException.class, () -> open(file)), "a.tar is empty");
    byte[] whole = Files.readAllBytes(odd("webdataset.tar"));
    Files.write(file, Arrays.copyOf(whole, 300));
    assertSays(
        assertThrows(MalformedFileException.class, () -> open(file)), "a.tar, byte", "truncated");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
    assertSays(assertThrows(MalformedFileException.class, () -> open(file)), "Git LFS pointer");
  }

  /** A hint that tar's own program ignores too. */
  @Test
  void theSizeOfALinkIsNotFollowedByContent() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(head("folder", '5', 4096));
    bytes.writeBytes(head("a.link", '2', 1000));
    bytes.writeBytes(head("old/", '\0', 0));
    bytes.writeBytes(head("a.txt", '0', 1));
    bytes.writeBytes(Arrays.copyOf(new byte[] {'x'}, 512));
    bytes.writeBytes(new byte[1024]);
    Path file = Files.write(folder.resolve("links.tar"), bytes.toByteArray());
    try (ExampleSource source = open(file)) {
      assertEquals(1, source.size());
      assertEquals("x", source.row(0).fields().path("txt").asText());
    }
  }

  @Test
  void aMarkIsNoPartOfATextAndNanIsRead() throws IOException {
    Path file =
        write(
            "a.txt",
            "\ufeffred\n",
            "a.json",
            "\ufeff{\"score\": NaN}",
            "b.json",
            "",
            "c.json",
            "[1]");
    try (ExampleSource source = open(file)) {
      assertEquals("red", source.row(0).fields().path("txt").asText());
      assertEquals(Double.NaN, source.row(0).fields().path("score").asDouble());
      assertSays(assertThrows(BadExampleException.class, () -> source.row(1)), "b.json is empty");
      assertSays(
          assertThrows(BadExampleException.class, () -> source.row(2)),
          "c.json is not a JSON object");
    }
  }
}
