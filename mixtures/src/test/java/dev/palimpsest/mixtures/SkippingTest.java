package dev.palimpsest.mixtures;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.BareStage;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.Mixture.BatchStream;
import dev.palimpsest.mixtures.Mixture.Skipped;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.order.MixtureOrder;
import dev.palimpsest.mixtures.order.MixtureOrder.Position;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad examples: what takes their place is a function of (seed, stage, position) and the data. */
class SkippingTest {
  private static final Tokenizer TOKENIZER = Tokenizer.load(Golden.file("tokenizer/tiny.model"));
  private static final int EXAMPLES = 40;

  private final Path folder;
  private final List<Boolean> bad = new ArrayList<>();
  private double badShare = 0.5;

  SkippingTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeEach
  void writeATaskWithBadExamples() throws IOException {
    byte[] picture = Files.readAllBytes(Golden.file("images/a_rgb.png"));
    Files.write(folder.resolve("good.png"), picture);
    Files.write(folder.resolve("cut.png"), java.util.Arrays.copyOf(picture, picture.length / 2));
    Random random = new Random(3);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < EXAMPLES; i++) {
      int kind = random.nextInt(8);
      bad.add(kind < 3);
      String image = kind == 0 ? "missing.png" : kind == 1 ? "cut.png" : "good.png";
      lines.add(
          kind == 2
              ? "{\"image\": \"good.png\", \"prefix\": "
              : "{\"image\": \"%s\", \"prefix\": \"p\", \"suffix\": \"%d\"}".formatted(image, i));
    }
    Files.write(folder.resolve("task.jsonl"), lines);
    Files.write(folder.resolve("other.jsonl"), List.of("{\"prefix\": \"q\", \"suffix\": \"o\"}"));
  }

  private Mixture open() {
    SourceConfig task = new SourceConfig.JsonLines(folder.resolve("task.jsonl").toString(), null);
    SourceConfig other = new SourceConfig.JsonLines(folder.resolve("other.jsonl").toString(), null);
    Map<String, TaskConfig> tasks = new TreeMap<>();
    tasks.put(
        "task", new TaskConfig(task, new TaskType.PrefixSuffix(), Map.of(), 1, null, badShare));
    tasks.put("other", new TaskConfig(other));
    Map<String, Double> weights = new TreeMap<>(Map.of("task", 3.0, "other", 1.0));
    return Mixture.open(
        5,
        "s",
        tasks,
        BareStage.of("s", 0, 14, 8, 1, 1, Precision.F32, weights, null),
        Exclusions.NONE,
        TOKENIZER);
  }

  /** Id at each position, and what was skipped, of workers that share global batches of 24. */
  private Map<Long, String> ids(
      int world, int threads, int partSize, long from, List<Skipped> skipped) {
    Map<Long, String> ids = new TreeMap<>();
    try (Mixture mixture = open()) {
      int local = 24 / world;
      for (int worker = 0; worker < world; worker++) {
        long start = from + (long) worker * local;
        try (BatchStream stream =
            world == 1
                ? mixture.batches(from, 24, partSize, threads)
                : mixture.batches(number -> start + number * 24, local, threads)) {
          for (int i = 0; i < 5 * (world == 1 ? 24 / partSize : 1); i++) {
            try (ExampleBatch batch = stream.next()) {
              for (int row = 0; row < batch.size(); row++) {
                ids.put(batch.positions().get(row), batch.ids().get(row));
              }
            }
            skipped.addAll(stream.skipped());
          }
        }
      }
    }
    return ids;
  }

  /** What must stand there, by the definition alone. */
  private String expected(MixtureOrder order, int task, long position, List<Integer> passed) {
    for (int attempt = 0; ; attempt++) {
      Position at = order.at(position, attempt);
      if (at.task() != task) {
        return "other/other.jsonl:1";
      }
      if (!bad.get((int) at.example())) {
        return "task/task.jsonl:" + (at.example() + 1);
      }
      passed.add((int) at.example());
    }
  }

  @Test
  void theNextGoodExampleOfThePermutationTakesThePlace() {
    List<Skipped> skipped = new ArrayList<>();
    Map<Long, String> ids = ids(1, 2, 24, 0, skipped);
    MixtureOrder order;
    int task;
    try (Mixture mixture = open()) {
      order = mixture.order();
      task = mixture.tasks().indexOf("task");
    }
    Map<Long, List<Integer>> passed = new HashMap<>();
    ids.forEach(
        (position, id) ->
            assertEquals(
                expected(
                    order,
                    task,
                    position,
                    passed.computeIfAbsent(position, p -> new ArrayList<>())),
                id,
                () -> "position " + position));
    assertFalse(skipped.isEmpty());
    Map<Long, List<Integer>> told = new HashMap<>();
    ids.keySet().forEach(position -> told.put(position, new ArrayList<>()));
    for (Skipped one : skipped) {
      assertEquals("task", one.task());
      assertSays(new Exception(one.reason()), "task.jsonl:" + (one.row() + 1));
      told.getOrDefault(one.position(), List.of()).add((int) one.row());
    }
    assertEquals(passed, told);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 6, 8})
  void worldSizesAndThreadsChangeNothing(int world) {
    assertEquals(
        ids(1, 1, 24, 48, new ArrayList<>()), ids(world, 1 + world % 3, 8, 48, new ArrayList<>()));
  }

  @Test
  void aRunThatIsResumedSkipsTheSame() {
    List<Skipped> whole = new ArrayList<>();
    Map<Long, String> ids = ids(1, 2, 8, 0, whole);
    List<Skipped> rest = new ArrayList<>();
    Map<Long, String> resumed = ids(1, 1, 4, 72, rest);
    assertEquals(
        ids.entrySet().stream().filter(e -> e.getKey() >= 72).toList(),
        resumed.entrySet().stream().filter(e -> e.getKey() < 120).toList());
    assertEquals(
        whole.stream().filter(s -> s.position() >= 72).sorted(BY_POSITION).toList(),
        rest.stream().filter(s -> s.position() < 120).sorted(BY_POSITION).toList());
  }

  private static final java.util.Comparator<Skipped> BY_POSITION =
      java.util.Comparator.comparingLong(Skipped::position).thenComparingInt(Skipped::attempt);

  @Test
  void withoutAShareTheFirstBadOneEndsTheStream() {
    badShare = 0;
    BadExampleException e =
        assertThrows(BadExampleException.class, () -> ids(1, 1, 24, 0, new ArrayList<>()));
    assertSays(e, "task");
  }

  @Test
  void aSourceWithoutAnyGoodExampleIsBroken() throws IOException {
    Files.delete(folder.resolve("good.png"));
    assertSays(
        assertThrows(BadExampleException.class, () -> ids(1, 2, 24, 0, new ArrayList<>())),
        "task",
        "no usable example within 40");
  }
}
