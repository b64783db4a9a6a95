package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tables by pyarrow with every layout of columns; see the README beside them. */
class ArrowSourceTest {
  private static final Set<String> UNREAD =
      Set.of(
          "view",
          "views",
          "encoded",
          "encoded_structs",
          "sparse",
          "dense",
          "runs",
          "list_view",
          "large_list_view",
          "interval");

  private final Path folder;

  ArrowSourceTest(@TempDir Path folder) {
    this.folder = folder;
  }

  private static Path odd(String name) {
    return Golden.file("odd/" + name);
  }

  private static ExampleSource open(String name, String... columns) {
    return ExampleSource.open(
        new SourceConfig.Arrow(odd(name).toString(), List.of(columns), List.of(), null));
  }

  private ExampleSource parquet(Path file, String... columns) {
    return ExampleSource.open(
        new SourceConfig.Parquet(
            file.toString(),
            List.of(columns),
            List.of(),
            null,
            folder.resolve("cache").toString()));
  }

  private static Set<String> names(ObjectNode fields) {
    Set<String> names = new TreeSet<>();
    fields.properties().stream().map(Map.Entry::getKey).forEach(names::add);
    return names;
  }

  @Test
  void aViewNobodyAskedForRefusesNothing() {
    try (ExampleSource source = open("view.arrow")) {
      for (int i = 0; i < 2; i++) {
        assertEquals(Set.of("suffix"), names(source.row(i).fields()));
        assertEquals(1, source.row(i).images().size());
      }
    }
    assertSays(
        assertThrows(MalformedFileException.class, () -> open("view.arrow", "suffix", "extra")),
        "view.arrow: column extra is Utf8View, which is not read",
        "cast it to a plain type",
        "leave it out");
  }

  @ParameterizedTest
  @ValueSource(strings = {"layouts.arrow", "layouts-stream.arrow"})
  void columnsOfEveryLayoutLeaveTheOthersInTheirPlace(String name) {
    for (ExampleSource source :
        List.of(open(name), open(name, "last", "first", "decimal", "nested", "fixed"))) {
      try (source) {
        assertEquals(5, source.size());
        for (int i = 0; i < 5; i++) {
          ObjectNode row = source.row(i).fields();
          assertEquals("first " + i, row.path("first").asText());
          assertEquals("last " + i, row.path("last").asText());
          assertEquals(
              new BigDecimal("1.50").multiply(BigDecimal.valueOf(i - 2)),
              row.path("decimal").decimalValue());
          assertEquals("[{\"x\":%d,\"y\":\"n\"}]".formatted(i), row.path("nested").toString());
          assertEquals("[%d,%d]".formatted(i, i + 1), row.path("fixed").toString());
        }
      }
    }
  }

  @Test
  void allColumnsButThoseThatAreNotReadAreThere() {
    try (ExampleSource source = open("layouts.arrow")) {
      ObjectNode row = source.row(3).fields();
      assertEquals(
          Set.of(
              "first",
              "nothing",
              "decimal",
              "decimal256",
              "large",
              "time",
              "nested",
              "map",
              "fixed",
              "half",
              "last"),
          names(row));
      assertEquals(
          BigInteger.TEN.pow(40).add(BigInteger.valueOf(3)),
          row.path("decimal256").bigIntegerValue());
      assertEquals("large 3", row.path("large").asText());
      assertEquals(1.5, row.path("half").asDouble());
      assertEquals("[{\"key\":\"k\",\"value\":3}]", row.path("map").toString());
    }
  }

  @Test
  void columnsThatAreNotReadAreRefusedByNameWhenAskedFor() {
    for (String column : UNREAD) {
      assertSays(
          assertThrows(
              MalformedFileException.class, () -> open("layouts.arrow", "first", column), column),
          "layouts.arrow: column " + column,
          "is not read",
          column.startsWith("encoded") ? "dictionary_decode()" : "cast it",
          "or leave it out of the recipe's columns");
    }
  }

  @Test
  void parquetColumnsOfEveryTypeAreReadOrDoNotMatter() {
    Path file = odd("layouts.parquet");
    try (ExampleSource all = parquet(file);
        ExampleSource some = parquet(file, "first", "last")) {
      for (int i = 0; i < 5; i++) {
        assertEquals("first " + i, all.row(i).fields().path("first").asText());
        assertEquals("last " + i, all.row(i).fields().path("last").asText());
        assertEquals("large " + i, all.row(i).fields().path("large").asText());
        assertEquals(Set.of("first", "last"), names(some.row(i).fields()));
      }
      assertEquals("-3.00", all.row(0).fields().path("decimal").asText());
      assertEquals("[{\"x\":4,\"y\":\"n\"}]", all.row(4).fields().path("nested").toString());
    }
  }

  @Test
  void pandasCategoriesAreTheirValues() {
    try (ExampleSource source = parquet(odd("categories.parquet"))) {
      assertEquals("blue", source.row(1).fields().path("suffix").asText());
      assertEquals("b", source.row(2).fields().path("label").asText());
      assertEquals("a", source.row(1).fields().path("label").asText());
    }
  }

  @Test
  void partsWithoutRowsArePassedOver() throws IOException {
    Path spark = Files.createDirectories(folder.resolve("spark"));
    Files.copy(Golden.file("sources/table-0.parquet"), spark.resolve("part-0.parquet"));
    Files.copy(odd("none.parquet"), spark.resolve("part-1.parquet"));
    Files.copy(Golden.file("sources/table-1.parquet"), spark.resolve("part-2.parquet"));
    for (String[] columns : new String[][] {{}, {"image", "suffix"}}) {
      try (ExampleSource source = parquet(spark.resolve("part-*.parquet"), columns)) {
        assertEquals(12, source.size());
        assertEquals("part-2.parquet:4", source.row(11).id());
      }
      assertSays(
          assertThrows(
              MalformedFileException.class,
              () -> parquet(spark.resolve("part-1.parquet"), columns)),
          "part-1.parquet has no examples");
    }
  }

  @Test
  void aSchemaThatUnfoldsToABillionFieldsIsRefusedAtOnce() {
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () ->
            assertSays(
                assertThrows(MalformedFileException.class, () -> open("dag30.arrow")),
                "dag30.arrow: schema of more than 100000 fields"));
  }

  @Test
  void aRowThatUnfoldsToABillionValuesIsABadRow() {
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () -> {
          try (ExampleSource source = open("fixed-lists.arrow")) {
            assertSays(
                assertThrows(BadExampleException.class, () -> source.row(0)),
                "fixed-lists.arrow:0",
                "a row with more than 1048576 values");
          }
          try (ExampleSource source = open("fixed-lists.arrow", "image")) {
            assertEquals(1, source.row(0).images().size());
          }
        });
  }

  @Test
  void wrappedFilesAreNamed() throws IOException {
    Path file = folder.resolve("a.arrow");
    Files.write(file, new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0});
    SourceConfig config = new SourceConfig.Arrow(file.toString(), List.of(), List.of(), null);
    assertSays(
        assertThrows(MalformedFileException.class, () -> ExampleSource.open(config)), "(gzip)");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
    assertSays(
        assertThrows(MalformedFileException.class, () -> ExampleSource.open(config)),
        "Git LFS pointer");
  }
}
