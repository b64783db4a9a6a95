package dev.palimpsest.mixtures;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.mixtures.Mixture.BatchStream;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MixtureTest {
  private static final Tokenizer TOKENIZER = Tokenizer.load(Golden.file("tokenizer/tiny.model"));

  private final Path folder;
  private final Map<String, TaskConfig> tasks = new LinkedHashMap<>();
  private final Map<String, Double> weights = new LinkedHashMap<>();

  MixtureTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeEach
  void writeTwoTasks() throws IOException {
    writeTask("caption", 10, 3.0);
    writeTask("answer", 7, 1.0);
    writeTask("unused", 1, 0.0);
  }

  private void writeTask(String name, int examples, double weight) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < examples; i++) {
      String image = Golden.file(i % 2 == 0 ? "images/a_rgb.png" : "images/b_420.jpg").toString();
      lines.add(
          "{\"image\": \"%s\", \"prefix\": \"%s\", \"suffix\": \"%d\"}"
              .formatted(image.replace('\\', '/'), name, i));
    }
    Path file = folder.resolve(name + ".jsonl");
    Files.write(file, lines);
    tasks.put(name, new TaskConfig(new SourceConfig.JsonLines(file.toString(), null)));
    weights.put(name, weight);
  }

  private Mixture open() {
    return Mixture.open(
        5,
        "stage1",
        tasks,
        BareStage.of("stage1", 0, 28, 8, 1, 1, Precision.F32, weights, null),
        Exclusions.NONE,
        TOKENIZER);
  }

  /** Ids and texts of batches, the batches closed. */
  private List<String> take(BatchStream stream, int batches) {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < batches; i++) {
      try (ExampleBatch batch = stream.next()) {
        IntBuffer text = batch.text().asIntBuffer();
        for (int row = 0; row < batch.size(); row++) {
          int[] ids = new int[batch.textColumns()];
          text.get(ids);
          rows.add(
              "%d %s %s"
                  .formatted(
                      batch.firstIndex() + row, batch.ids().get(row), TOKENIZER.decode(ids)));
        }
      }
    }
    return rows;
  }

  private List<String> rows(long from, int batchSize, int threads, int batches) {
    try (Mixture mixture = open();
        BatchStream stream = mixture.batches(from, batchSize, batchSize, threads)) {
      return take(stream, batches);
    }
  }

  @Test
  void batchesFollowTheOrder() {
    try (Mixture mixture = open();
        BatchStream stream = mixture.batches(100, 4, 4, 2)) {
      assertEquals(List.of("answer", "caption"), mixture.tasks()); // by name, however written
      List<String> expected =
          LongStream.range(100, 140)
              .mapToObj(
                  i -> {
                    var position = mixture.order().at(i);
                    String task = mixture.tasks().get(position.task());
                    return "%d %s/%s.jsonl:%d %s\n%d"
                        .formatted(i, task, task, position.example() + 1, task, position.example());
                  })
              .toList();
      assertEquals(expected, take(stream, 10));
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1", "1,3", "6,1", "6,4", "24,2"})
  void neitherThreadsNorBatchSizeChangeWhatComes(int batchSize, int threads) {
    assertEquals(rows(7, 8, 1, 9), rows(7, batchSize, threads, 72 / batchSize));
  }

  @Test
  void aRunThatIsResumedGoesOnWhereItStopped() {
    List<String> whole = rows(0, 4, 2, 10);
    assertEquals(whole.subList(16, 40), rows(16, 4, 2, 6));
  }

  @ParameterizedTest
  @CsvSource({"2", "3", "4", "6"})
  void workersTogetherSeeTheGlobalBatch(int workers) {
    List<String> together = new ArrayList<>();
    int share = 12 / workers;
    try (Mixture mixture = open()) {
      List<BatchStream> streams = new ArrayList<>();
      for (int worker = 0; worker < workers; worker++) {
        long offset = (long) worker * share;
        streams.add(mixture.batches(step -> step * 12 + offset, share, 1));
      }
      for (int step = 0; step < 4; step++) {
        streams.forEach(stream -> together.addAll(take(stream, 1)));
      }
      streams.forEach(BatchStream::close);
    }
    assertEquals(rows(0, 12, 1, 4), together);
  }

  @ParameterizedTest
  @CsvSource({"24,1", "6,2", "3,4", "1,2"})
  void partsOfABatchTakeItsExamplesByTheirNumberOfPictures(int partSize, int threads)
      throws IOException {
    Path text = folder.resolve("text.jsonl");
    Files.write(text, List.of("{\"prefix\": \"text\", \"suffix\": \"0\"}"));
    tasks.put("text", new TaskConfig(new SourceConfig.JsonLines(text.toString(), null)));
    weights.put("text", 2.0);
    try (Mixture mixture = open();
        BatchStream stream = mixture.batches(48, 24, partSize, threads)) {
      for (int batch = 2; batch < 4; batch++) {
        List<Long> with = new ArrayList<>();
        List<Long> without = new ArrayList<>();
        for (int part = 0; part < 24 / partSize; part++) {
          try (ExampleBatch examples = stream.next()) {
            assertEquals(24L * batch + (long) part * partSize, examples.firstIndex());
            for (int row = 0; row < examples.size(); row++) {
              long position = examples.positions().get(row);
              String task = mixture.tasks().get(mixture.order().at(position).task());
              assertTrue(examples.ids().get(row).startsWith(task + "/"));
              assertEquals(task.equals("text") ? 0 : 1, examples.pictures()[row]);
              assertTrue(task.equals("text") || without.isEmpty(), "pictures come first");
              (task.equals("text") ? without : with).add(position);
            }
          }
        }
        assertTrue(with.size() > 8 && without.size() > 4);
        assertEquals(with.stream().sorted().toList(), with);
        assertEquals(without.stream().sorted().toList(), without);
        with.addAll(without);
        assertEquals(
            LongStream.range(24L * batch, 24L * (batch + 1)).boxed().toList(),
            with.stream().sorted().toList());
      }
    }
  }

  @Test
  void aPartThatDoesNotDivideTheBatchIsRefused() {
    try (Mixture mixture = open()) {
      assertSays(
          assertThrows(IllegalArgumentException.class, () -> mixture.batches(0, 8, 3, 1)),
          "8 examples, got 3");
    }
  }

  @Test
  void readAheadIsBoundedAndFreedWhenTheStreamIsClosed() throws InterruptedException {
    try (Mixture mixture = open()) {
      BatchStream stream = mixture.batches(0, 2, 2, 1);
      take(stream, 1);
      long batch = 0;
      for (int i = 0; i < 20; i++) {
        try (ExampleBatch next = stream.next()) {
          batch = Math.max(batch, next.images().remaining());
        }
      }
      Thread.sleep(100); // time enough for threads that did not stop to go far ahead
      long bound = 5 * 2 * batch; // ahead + 1 batches; Arrow rounds up to powers of two
      assertTrue(mixture.allocatedBytes() <= bound, mixture.allocatedBytes() + " of " + bound);
      stream.close();
      assertEquals(0, mixture.allocatedBytes());
      assertThrows(IllegalStateException.class, stream::next);
    }
  }

  @Test
  void aBatchThatIsNotClosedIsReportedAsALeak() {
    Mixture mixture = open();
    BatchStream stream = mixture.batches(0, 2, 2, 1);
    ExampleBatch kept = stream.next();
    stream.close();
    assertSays(assertThrows(IllegalStateException.class, mixture::close), "still open");
    kept.close();
    mixture.close();
  }

  @Test
  void aBadPictureSurfacesInNextByNameAndStaysFatal() throws IOException {
    Path file = folder.resolve("answer.jsonl");
    List<String> lines = new ArrayList<>(Files.readAllLines(file));
    lines.set(3, "{\"image\": \"gone.png\", \"prefix\": \"\", \"suffix\": \"\"}");
    Files.write(file, lines);
    try (Mixture mixture = open();
        BatchStream stream = mixture.batches(0, 4, 4, 2)) {
      var e = assertThrows(BadExampleException.class, () -> take(stream, 100));
      assertSays(e, "answer/answer.jsonl:4", "gone.png", "does not exist");
      assertSame(e, assertThrows(BadExampleException.class, stream::next));
    }
  }

  @Test
  void aMalformedLineSurfacesInNextByName() throws IOException {
    Path file = folder.resolve("caption.jsonl");
    String text = Files.readString(file);
    try (Mixture mixture = open()) {
      // Behind the back of the opened source, of the same length: only reading the line can tell.
      Files.writeString(file, text.replaceFirst("\\{", "["));
      try (BatchStream stream = mixture.batches(0, 4, 4, 2)) {
        var e = assertThrows(BadExampleException.class, () -> take(stream, 100));
        assertSays(e, file + ":1", "JSON");
      }
    }
  }

  @Test
  void waitingIsMeasured() {
    try (Mixture mixture = open();
        BatchStream stream = mixture.batches(0, 16, 16, 1)) {
      take(stream, 3);
      assertTrue(stream.waitedNanos() > 0);
    }
  }

  @Test
  void aWeightThatNamesNoTaskIsRefused() {
    weights.put("captoin", 1.0);
    assertSays(
        assertThrows(IllegalArgumentException.class, this::open), "captoin", "caption", "stage1");
  }

  @Test
  void theFingerprintFollowsDataAndWeights() throws IOException {
    String before = fingerprint();
    assertEquals(before, fingerprint());
    weights.put("caption", 2.0);
    String reweighted = fingerprint();
    assertNotEquals(before, reweighted);
    weights.put("caption", 3.0);
    assertEquals(before, fingerprint());
    Files.writeString(
        folder.resolve("answer.jsonl"),
        Files.readString(folder.resolve("answer.jsonl")).replace("\"6\"", "\"9\""));
    assertNotEquals(before, fingerprint());
  }

  private String fingerprint() {
    try (Mixture mixture = open()) {
      return mixture.fingerprint();
    }
  }
}
