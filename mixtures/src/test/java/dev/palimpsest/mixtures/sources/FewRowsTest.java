package dev.palimpsest.mixtures.sources;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.data.FewConfig;
import dev.palimpsest.configs.data.SourceConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FewRowsTest {
  @TempDir Path folder;
  private SourceConfig config = new SourceConfig.JsonLines("", null);

  @BeforeEach
  void hundredRows() throws IOException {
    Path file = folder.resolve("rows.jsonl");
    Files.write(
        file,
        IntStream.range(0, 100)
            .mapToObj(i -> "{\"id\": \"%d\", \"prefix\": \"p\", \"suffix\": \"s\"}".formatted(i))
            .toList());
    config = new SourceConfig.JsonLines(file.toString(), null);
  }

  private ExampleSource few(long rows, long seed) {
    return FewRows.of(ExampleSource.open(config), new FewConfig(rows, seed));
  }

  private static List<String> ids(ExampleSource source) {
    return LongStream.range(0, source.size()).mapToObj(i -> source.row(i).id()).toList();
  }

  @Test
  void rowsAreDrawnWithoutReplacementAndFewerAreAmongMore() {
    try (ExampleSource whole = ExampleSource.open(config);
        ExampleSource eight = few(8, 1);
        ExampleSource twenty = few(20, 1);
        ExampleSource others = few(8, 2)) {
      List<String> drawn = ids(eight);
      assertEquals(8, Set.copyOf(drawn).size());
      assertTrue(ids(twenty).containsAll(drawn));
      assertNotEquals(new TreeSet<>(drawn), new TreeSet<>(ids(others)));
      assertNotEquals(eight.fingerprint(), others.fingerprint());
      assertNotEquals(eight.fingerprint(), twenty.fingerprint());
      for (int i = 0; i < 8; i++) {
        assertEquals(drawn.get(i), ids(whole).get((int) eight.original(i)));
      }
    }
  }

  @Test
  void aSourceThatHasNoMoreIsTakenWhole() {
    try (ExampleSource source = ExampleSource.open(config)) {
      assertSame(source, FewRows.of(source, new FewConfig(100, 0)));
    }
  }
}
