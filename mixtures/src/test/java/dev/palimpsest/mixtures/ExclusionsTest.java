package dev.palimpsest.mixtures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExclusionsTest {
  @TempDir Path folder;

  /** Rows called r0, r1, ... */
  private record Numbered(long size) implements ExampleSource {
    @Override
    public Row row(long index) {
      return new Row("r" + index, List.of(), JsonNodeFactory.instance.objectNode());
    }

    @Override
    public String fingerprint() {
      return "numbered " + size;
    }

    @Override
    public void close() {}
  }

  private Exclusions read(String... lines) throws IOException {
    Path file = Files.write(folder.resolve("exclude.tsv"), List.of(lines));
    return Exclusions.read(file, List.of("caption", "caption/long", "answer"));
  }

  private static List<String> ids(ExampleSource source) {
    return LongStream.range(0, source.size()).mapToObj(i -> source.row(i).id()).toList();
  }

  @Test
  void theOthersKeepTheirOrderAndCloseUp() {
    Random random = new Random(1);
    for (int size = 1; size < 40; size++) {
      List<Long> excluded = new ArrayList<>();
      List<String> kept = new ArrayList<>();
      for (long i = 0; i < size; i++) {
        if (random.nextInt(3) == 0) {
          excluded.add(i);
        } else {
          kept.add("r" + i);
        }
      }
      long[] positions = excluded.stream().mapToLong(Long::longValue).toArray();
      assertEquals(kept, ids(new ExcludingSource(new Numbered(size), positions)));
    }
  }

  @Test
  void linesNameRowsWithOrWithoutTheirPosition() throws IOException {
    ExampleSource source =
        read("# why", "", "caption/r3\t3\tsame picture", "caption/r1", "answer/r0\t0")
            .from("caption", new Numbered(5));
    assertEquals(List.of("r0", "r2", "r4"), ids(source));
  }

  @Test
  void theLongestTaskThatFitsIsMeant() throws IOException {
    Exclusions exclusions = read("caption/long/r1\t1");
    Numbered source = new Numbered(3);
    assertSame(source, exclusions.from("caption", source));
    assertEquals(List.of("r0", "r2"), ids(exclusions.from("caption/long", source)));
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    String text =
        Exclusions.NONE.with(
            List.of("head"), List.of(new Exclusions.Entry("answer", "r2", 2, "a\treason")));
    assertEquals("# head\nanswer/r2\t2\ta reason\n", text);
    assertEquals(List.of("r0", "r1"), ids(read(text.split("\n")).from("answer", new Numbered(3))));
  }

  @Test
  void aListThatGoesOnLeavesOutWhatItDid() throws IOException {
    Exclusions before = read("# old head", "answer/r0\t0\told reason", "answer/r2");
    ExampleSource rest = before.from("answer", new Numbered(5));
    String text =
        before.with(
            List.of("head"),
            List.of(new Exclusions.Entry("answer", rest.row(1).id(), rest.original(1), "reason")));
    assertEquals("# head\nanswer/r0\t0\told reason\nanswer/r2\nanswer/r3\t3\treason\n", text);
    assertEquals(List.of("r1", "r4"), ids(read(text.split("\n")).from("answer", new Numbered(5))));
  }

  @Test
  void theFingerprintIsOfWhatIsLeftOut() throws IOException {
    String one = read("caption/r3\t3").from("caption", new Numbered(5)).fingerprint();
    assertEquals(one, read("caption/r3").from("caption", new Numbered(5)).fingerprint());
    assertNotEquals(one, read("caption/r2").from("caption", new Numbered(5)).fingerprint());
    assertNotEquals(one, new Numbered(5).fingerprint());
  }

  @Test
  void aListThatDoesNotFitIsRefusedWithEveryLine() throws IOException {
    Exclusions exclusions = read("caption/r3\t2", "caption/r9\t9", "caption/unknown");
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class, () -> exclusions.from("caption", new Numbered(5)));
    assertEquals(3, refused.problems().size());
    assertTrue(
        String.valueOf(refused.getMessage()).contains("row 2 of task 'caption' is 'r2', not 'r3'"));
    assertTrue(
        String.valueOf(refused.getMessage())
            .contains("no row of task 'caption' is called 'unknown'"));
    Exclusions all = read("answer/r0");
    assertThrows(InvalidConfigException.class, () -> all.from("answer", new Numbered(1)));
    InvalidConfigException malformed =
        assertThrows(InvalidConfigException.class, () -> read("ocr/r1", "answer/r1\tfirst"));
    assertEquals(2, malformed.problems().size());
  }
}
