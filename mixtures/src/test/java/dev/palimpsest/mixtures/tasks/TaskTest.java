package dev.palimpsest.mixtures.tasks;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.data.AugmentConfig;
import dev.palimpsest.configs.data.ImageConfig;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.configs.data.TaskType.Negatives;
import dev.palimpsest.mixtures.Golden;
import dev.palimpsest.mixtures.codecs.BoundingBox;
import dev.palimpsest.mixtures.codecs.DetectionText;
import dev.palimpsest.mixtures.codecs.LocationTokens;
import dev.palimpsest.mixtures.codecs.Mask;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImagePreprocessor;
import dev.palimpsest.mixtures.images.ImageSteps;
import dev.palimpsest.mixtures.order.Draw;
import dev.palimpsest.mixtures.sources.Digest;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskTest {
  private static final Tokenizer TOKENIZER = Tokenizer.load(Golden.file("tokenizer/tiny.model"));
  private static final TaskType.Detect DETECT = new TaskType.Detect(4, false, 0, Negatives.ANY);
  private static final String DOGS =
      """
      {"image": "1.jpg", "objects": [{"label": "dog", "box": [0.25, 0.125, 0.75, 0.5]},
      {"label": "ball", "box": [0, 0, 0.5, 0.5]}, {"label": "dog", "box": [0.5, 0.5, 1, 1]}],
      "absent": ["cat"]}\
      """;

  private final Path folder;
  private final List<Task> open = new ArrayList<>();
  private int files;

  TaskTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @AfterEach
  void close() {
    open.forEach(Task::close);
  }

  private Task task(TaskType type, int textTokens, String... rows) {
    return task(new Settings(type, Map.of(), AugmentConfig.NONE), textTokens, rows);
  }

  private record Settings(TaskType type, Map<String, String> fields, AugmentConfig augment) {}

  private Task task(Settings settings, int textTokens, String... rows) {
    String[] pictured =
        Arrays.stream(rows)
            .map(row -> withPicture(settings.type, row.replace("\n", " ")))
            .toArray(String[]::new);
    SourceConfig source = new SourceConfig.JsonLines(rows(pictured), null);
    Task task =
        Task.open(
            new TaskConfig(source, settings.type, settings.fields),
            new TextBudget(TOKENIZER, textTokens),
            settings.augment);
    open.add(task);
    return task;
  }

  /** A file of these lines. */
  private String rows(String... lines) {
    Path file = folder.resolve("rows" + files++ + ".jsonl");
    try {
      Files.write(file, List.of(lines));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file.toString();
  }

  /** The row with a picture where it names none and its type wants one. */
  private static String withPicture(TaskType type, String row) {
    return row.contains("\"image\"") || !type.readsPictures()
        ? row
        : row.replaceFirst("\\{", "{\"image\": \"1.jpg\", ");
  }

  /** What many positions make of a row. */
  private static List<Example> visits(Task task, int count) {
    return LongStream.range(0, count)
        .mapToObj(i -> task.example(0, i / 7, Draw.at(3, "stage1", i)))
        .toList();
  }

  private static Set<String> texts(List<Example> examples) {
    return examples.stream()
        .map(example -> example.prefix() + " -> " + example.suffix())
        .collect(Collectors.toSet());
  }

  @Test
  void captionsAreAskedForInTheirLanguage() {
    TaskType type = new TaskType.Caption("en", Map.of());
    Example plain = task(type, 64, "{\"captions\": [\"a cow\", \"a brown cow\"]}").example(0);
    assertEquals("caption en", plain.prefix());
    assertEquals(List.of("a cow", "a brown cow"), plain.references());
    Example named = task(type, 64, "{\"captions\": \"un chat\", \"language\": \"fr\"}").example(0);
    assertEquals("caption fr", named.prefix());
    assertEquals("un chat", named.suffix());
  }

  @Test
  void languagesAreDrawnByWeight() {
    String row = "{\"captions\": {\"en\": \"a cow\", \"de\": \"eine Kuh\", \"fr\": \"une vache\"}}";
    TaskType type = new TaskType.Caption("en", Map.of("en", 1.0, "de", 3.0));
    Map<String, Long> drawn =
        visits(task(type, 64, row), 4000).stream()
            .collect(Collectors.groupingBy(Example::suffix, TreeMap::new, Collectors.counting()));
    assertEquals(Set.of("a cow", "eine Kuh"), drawn.keySet());
    assertEquals(3000, drawn.getOrDefault("eine Kuh", 0L), 120, "four standard deviations");
    assertEquals(
        "caption de",
        task(new TaskType.Caption("en", Map.of("de", 1.0)), 64, row).example(0).prefix());
    Task without = task(new TaskType.Caption("en", Map.of("ja", 1.0)), 64, row);
    assertSays(
        assertThrows(BadExampleException.class, () -> without.example(0)), "weighted language");
  }

  @Test
  void fieldsAreFoundUnderOtherNamesAndInObjects() {
    TaskType type = new TaskType.Answer("en", Map.of());
    String row = "{\"q\": \"What sport is this?\", \"truth\": {\"text\": [\"tennis\"]}}";
    Map<String, String> fields = Map.of("question", "q", "answers", "truth.text");
    Example example = task(new Settings(type, fields, AugmentConfig.NONE), 64, row).example(0);
    assertEquals("answer en What sport is this?", example.prefix());
    assertEquals("tennis", example.suffix());
    Task wrong = task(type, 64, row);
    assertSays(
        assertThrows(BadExampleException.class, () -> wrong.example(0)), "jsonl:1", "question");
  }

  /** As VQAv2 stands in Parquet files. */
  @Test
  void fieldsAreFoundInTheObjectsOfLists() {
    TaskType type = new TaskType.Answer("en", Map.of());
    Map<String, String> fields = Map.of("answers", "answers.answer");
    String row =
        """
        {"question": "What?", "answers": [{"answer": "net", "answer_id": 1},
        {"answer": "a net", "answer_id": 2}]}\
        """;
    assertEquals(
        List.of("net", "a net"),
        task(new Settings(type, fields, AugmentConfig.NONE), 64, row).example(0).references());
    Task wrong =
        task(
            new Settings(type, fields, AugmentConfig.NONE),
            64,
            "{\"question\": \"What?\", \"answers\": [{\"answer\": \"net\"}, {\"text\": \"x\"}]}");
    assertSays(
        assertThrows(BadExampleException.class, () -> wrong.example(0)),
        "answers.answer (answers) must be a text, but it is missing");
  }

  @Test
  void questionsAreMadeOfAnswersInTheirLanguage() {
    String row = "{\"question\": {\"fr\": \"Quoi ?\", \"en\": \"What?\"}, \"answers\": \"a hat\"}";
    TaskType type = new TaskType.Question("en", Map.of("fr", 1.0));
    Example example = task(type, 64, row).example(0);
    assertEquals("question fr a hat", example.prefix());
    assertEquals("Quoi ?", example.suffix());
    TaskType answer = new TaskType.Answer("en", Map.of("fr", 1.0));
    assertEquals("answer en Quoi ?", task(answer, 64, row).example(0).prefix());
  }

  @Test
  void aCaptionIsSplitBetweenPromptAndTarget() {
    TaskType type = new TaskType.SplitCaption("en", Map.of(), "<extra_id_{n}>");
    assertEquals(
        Set.of(
            "Generate the alt_text in en at 2: a <extra_id_0> -> brown cow",
            "Generate the alt_text in en at 1: a brown <extra_id_0> -> cow"),
        texts(visits(task(type, 64, "{\"captions\": \"a brown cow\"}"), 50)));
    assertEquals(
        Set.of("Generate the alt_text in en at 1: <extra_id_0> -> cow"),
        texts(visits(task(type, 64, "{\"captions\": \"cow\"}"), 5)));
  }

  @Test
  void everyRegionHasItsTurn() {
    String row =
        """
        {"regions": [{"box": [0.25, 0, 0.5, 1], "caption": "a hat"},
        {"box": [0, 0, 1, 1], "caption": "a man"}]}\
        """;
    Task task = task(new TaskType.GroundedCaption(TaskType.GroundedCaption.Box.TOKENS), 64, row);
    Set<String> seen = new HashSet<>();
    for (int epoch = 0; epoch < 2; epoch++) {
      Example example = task.example(0, epoch, Draw.at(0, "s", epoch));
      seen.add(example.prefix() + " -> " + example.suffix());
    }
    assertEquals(
        Set.of(
            "caption <loc0256><loc0000><loc0512><loc1023> -> a hat",
            "caption <loc0000><loc0000><loc1023><loc1023> -> a man"),
        seen);
  }

  @Test
  void aRegionCanBeShownByAFrameInThePicture() throws IOException {
    String row = "{\"regions\": [{\"box\": [0.25, 0, 0.5, 1], \"caption\": \"a hat\"}]}";
    Task task = task(new TaskType.GroundedCaption(TaskType.GroundedCaption.Box.PIXELS), 64, row);
    Example example = task.example(0, 0, Draw.at(0, "s", 0));
    assertEquals("caption -> a hat", example.prefix() + " -> " + example.suffix());
    assertEquals("", TaskPrefix.removed(example).prefix());
    assertEquals(example.steps(), TaskPrefix.removed(example).steps());
    // The box of a picture of any shape, at 9 x 9: rows 2 and 4, and the first and last column.
    FloatBuffer pixels = FloatBuffer.allocate(9 * 9 * 3);
    ImagePreprocessor.write(
        new ImageConfig(ImageConfig.Resize.BILINEAR, true),
        new Image(30, 20, new byte[3 * 30 * 20]),
        9,
        example.steps(),
        pixels);
    StringBuilder red = new StringBuilder();
    for (int at = 0; at < pixels.capacity(); at += 3) {
      red.append(pixels.get(at) == 1 ? '#' : '.');
    }
    assertEquals(
        ".........".repeat(2) + "#########" + "#.......#" + "#########" + ".........".repeat(4),
        red.toString());
  }

  private static String prints(int count) {
    return IntStream.range(0, count)
        .mapToObj(
            i ->
                "{\"text\": \"kite%d\", \"box\": [%s, 0.1, %s, 0.9]}"
                    .formatted(i, i / (double) count, (i + 0.9) / count))
        .collect(Collectors.joining(",", "{\"texts\": [", "]}"));
  }

  @Test
  void printIsReadLineByLine() {
    String row =
        """
        {"texts": [{"text": "D", "box": [0.6, 0.1, 0.7, 0.3]},
        {"text": "B", "box": [0.11, 0.5, 0.2, 0.9]}, {"text": "C", "box": [0.15, 0.95, 0.22, 1]},
        {"text": "A", "box": [0.12, 0.1, 0.2, 0.4]}]}\
        """;
    Example example = task(new TaskType.Ocr(false), 64, row).example(0);
    assertEquals("ocr", example.prefix());
    assertEquals("A B C D", example.suffix());
    assertEquals(
        "x y",
        task(new TaskType.Ocr(false), 64, "{\"texts\": [\"x\", \"y\"]}").example(0).suffix());
  }

  @Test
  void printThatDoesNotFitIsSkippedAnywhereAlike() {
    int snippets = 20;
    Task task = task(new TaskType.Ocr(false), 40, prints(snippets));
    TextBudget budget = new TextBudget(TOKENIZER, 40);
    int[] shown = new int[snippets];
    int visits = 2000;
    int all = 0;
    for (Example example : visits(task, visits)) {
      assertTrue(budget.fits("ocr", example.suffix()), example.suffix());
      List<String> words = List.of(example.suffix().split(" "));
      List<Integer> order = words.stream().map(w -> Integer.parseInt(w.substring(4))).toList();
      assertEquals(order.stream().sorted().toList(), order, "raster order");
      order.forEach(i -> shown[i]++);
      all += words.size();
    }
    double mean = (double) all / snippets;
    assertTrue(mean < 0.8 * visits, "nothing was skipped");
    // Two-digit numbers are a token longer, so compare the ten of each kind among themselves.
    for (int from = 0; from < snippets; from += 10) {
      int[] kind = Arrays.copyOfRange(shown, from, from + 10);
      double expected = Arrays.stream(kind).average().orElseThrow();
      for (int count : kind) {
        assertEquals(expected, count, 4.5 * Math.sqrt(visits) / 2, Arrays.toString(shown));
      }
    }
    assertEquals(
        snippets,
        visits(task(new TaskType.Ocr(true), 40, prints(snippets)), 1)
            .get(0)
            .suffix()
            .split(" ")
            .length);
    assertEquals(snippets, task.example(0).suffix().split(" ").length, "scoring takes them all");
  }

  @Test
  void printThatFitsNowhereIsNoReasonToSayNothing() {
    String page = "\"" + "kite ".repeat(100) + "\"";
    Task alone = task(new TaskType.Ocr(false), 24, "{\"texts\": " + page + "}");
    visits(alone, 5).forEach(shown -> assertTrue(shown.suffix().startsWith("kite kite")));
    Task among =
        task(
            new TaskType.Ocr(false),
            24,
            "{\"texts\": [\"a\", %s, \"b\", %s]}".formatted(page, page));
    assertEquals(
        Set.of("ocr -> a", "ocr -> b", "ocr -> a b"),
        texts(visits(among, 200)),
        "what fits is shown, whatever stands beside it");
    assertEquals("", task(new TaskType.Ocr(false), 24, "{\"texts\": []}").example(0).suffix());
  }

  @Test
  void aTaskAboutPicturesRefusesRowsWithoutOne() {
    Task caption =
        task(new TaskType.Caption("en", Map.of()), 64, "{\"image\": null, \"captions\": \"a\"}");
    assertSays(
        assertThrows(BadExampleException.class, () -> caption.example(0)),
        ".jsonl:1",
        "no picture");
    assertEquals(
        "b", task(new TaskType.PrefixSuffix(), 64, "{\"suffix\": \"b\"}").example(0).suffix());
  }

  @Test
  void objectsAreAskedForInFourForms() {
    TaskType type = new TaskType.ObjectQuestions(1, 1, 1, 1, 3, Negatives.ANY);
    Set<String> texts = texts(visits(task(type, 64, DOGS), 2000));
    assertEquals(
        Set.of(
            "answer en What objects are in the image? -> dog, ball",
            "answer en Is dog in the image? -> yes",
            "answer en Is ball in the image? -> yes",
            "answer en Is cat in the image? -> no",
            "answer en How many dog? -> 2",
            "answer en How many ball? -> 1"),
        texts.stream().filter(text -> !text.contains("Which")).collect(Collectors.toSet()));
    assertTrue(
        texts.contains("answer en Which of ball, cat are in the image? -> ball"), "" + texts);
    assertTrue(
        texts.contains("answer en Which of ball, dog, cat are in the image? -> ball, dog"),
        "" + texts);
    texts.stream()
        .filter(text -> text.contains("Which"))
        .forEach(text -> assertFalse(text.substring(text.indexOf("->")).contains("cat"), text));
  }

  @Test
  void anEmptyPictureIsAskedForWhatItLacks() {
    TaskType type = new TaskType.ObjectQuestions(0, 0, 1, 1, 2, Negatives.VERIFIED);
    assertEquals(
        Set.of(
            "answer en Which of cat are in the image? -> none",
            "answer en Is cat in the image? -> no"),
        texts(visits(task(type, 64, "{\"objects\": [], \"absent\": [\"cat\"]}"), 50)));
    assertEquals(
        Set.of("answer en What objects are in the image? -> none"),
        texts(visits(task(type, 64, "{\"objects\": []}"), 20)));
  }

  private static String labelled(String... labels) {
    return Arrays.stream(labels)
        .map(label -> "{\"label\": \"%s\", \"box\": [0, 0, 1, 1]}".formatted(label))
        .collect(Collectors.joining(",", "{\"objects\": [", "]}"));
  }

  /**
   * Twelve labels stand beside the fork once, the knife thrice, others elsewhere: ten are drawn.
   */
  @Test
  void unverifiedNegativesAreFrequentCompanions() {
    List<String> rows = new ArrayList<>(List.of(labelled("fork")));
    for (int i = 0; i < 12; i++) {
      rows.add(labelled("fork", "food" + (char) ('a' + i)));
    }
    rows.addAll(List.of(labelled("fork", "knife"), labelled("knife", "fork")));
    rows.addAll(java.util.Collections.nCopies(50, labelled("car")));
    TaskType type = new TaskType.ObjectQuestions(0, 1, 0, 0, 2, Negatives.ANY);
    Set<String> asked =
        visits(task(type, 64, rows.toArray(String[]::new)), 500).stream()
            .filter(example -> example.suffix().equals("no"))
            .map(example -> example.prefix().split(" ")[3])
            .collect(Collectors.toSet());
    Set<String> expected = new HashSet<>(Set.of("knife"));
    for (int i = 0; i < 9; i++) {
      expected.add("food" + (char) ('a' + i));
    }
    assertEquals(expected, asked);
    TaskType verified = new TaskType.ObjectQuestions(0, 1, 0, 0, 2, Negatives.VERIFIED);
    assertTrue(
        visits(task(verified, 64, rows.toArray(String[]::new)), 50).stream()
            .allMatch(example -> example.suffix().equals("yes")));
  }

  /** Against the definition, on many rows of labels of very different frequency. */
  @Test
  void companionsAreCountedRight() {
    Random random = new Random(5);
    List<Set<String>> rows = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      Set<String> row = new HashSet<>();
      for (int k = random.nextInt(6); k > 0; k--) {
        row.add("t" + (int) (80 * Math.pow(random.nextDouble(), 3)));
      }
      rows.add(row);
    }
    Task task =
        task(
            new TaskType.ObjectQuestions(0, 1, 0, 0, 2, Negatives.ANY),
            64,
            rows.stream()
                .map(
                    row ->
                        row.stream()
                            .map("{\"label\": \"%s\", \"box\": [0, 0, 1, 1]}"::formatted)
                            .collect(Collectors.joining(",", "{\"objects\": [", "]}")))
                .toArray(String[]::new));
    Map<String, Long> pictures =
        rows.stream()
            .flatMap(Set::stream)
            .collect(Collectors.groupingBy(l -> l, Collectors.counting()));
    for (int i = 0; i < 20; i++) {
      Set<String> row = rows.get(i);
      Map<String, Long> together = new TreeMap<>();
      for (String other : pictures.keySet()) {
        together.put(
            other,
            row.stream()
                .mapToLong(
                    l -> rows.stream().filter(r -> r.contains(l) && r.contains(other)).count())
                .sum());
      }
      Set<String> hardest =
          pictures.keySet().stream()
              .filter(label -> !row.contains(label))
              .sorted(
                  Comparator.comparing((String label) -> -together.getOrDefault(label, 0L))
                      .thenComparing(label -> -pictures.getOrDefault(label, 0L))
                      .thenComparing(Comparator.naturalOrder()))
              .limit(10)
              .collect(Collectors.toSet());
      Set<String> asked = new HashSet<>();
      for (long visit = 0; visit < 300; visit++) {
        Example example = task.example(i, 0, Draw.at(3, "stage1", visit));
        if (example.suffix().equals("no")) {
          asked.add(example.prefix().split(" ")[3]);
        }
      }
      assertEquals(hardest, asked);
    }
  }

  @Test
  void scoringAsksForPresentAndAbsentThingsInTurns() {
    TaskType type = new TaskType.ObjectQuestions(0, 1, 0, 0, 2, Negatives.ANY);
    Task task = task(type, 64, labelled("fork"), labelled("knife", "fork"), labelled("knife"));
    assertEquals(
        List.of("yes", "yes", "yes"), // the second holds everything that could be asked
        java.util.stream.LongStream.range(0, 3).mapToObj(i -> task.example(i).suffix()).toList());
    Task more = task(type, 64, labelled("fork"), labelled("knife"), labelled("knife", "fork"));
    assertEquals(
        List.of("yes", "no", "yes"),
        java.util.stream.LongStream.range(0, 3).mapToObj(i -> more.example(i).suffix()).toList());
  }

  @Test
  void scoringAsksForEveryObjectInItsOrder() {
    Example example = task(DETECT, 128, DOGS).example(0);
    assertEquals("detect dog ; ball", example.prefix());
    assertEquals(
        "<loc0256><loc0128><loc0767><loc0512> dog ; <loc0000><loc0000><loc0512><loc0512> ball ; "
            + "<loc0512><loc0512><loc1023><loc1023> dog",
        example.suffix());
  }

  @Test
  void whatIsAskedForIsAnsweredCompletelyInAnyOrder() {
    TaskType type = new TaskType.Detect(2, false, 0.5, Negatives.ANY);
    Set<String> prompts = new HashSet<>();
    Set<String> orders = new HashSet<>();
    for (Example example : visits(task(type, 128, DOGS), 400)) {
      List<String> asked = List.of(example.prefix().substring(7).split(" ; "));
      List<String> found =
          DetectionText.parse(example.suffix()).objects().stream()
              .map(DetectionText.Found::label)
              .toList();
      assertEquals(asked.contains("dog") ? 2 : 0, found.stream().filter("dog"::equals).count());
      assertEquals(asked.contains("ball") ? 1 : 0, found.stream().filter("ball"::equals).count());
      assertTrue(found.size() > 0);
      prompts.add(example.prefix());
      orders.add(example.suffix());
    }
    assertTrue(prompts.contains("detect dog ; ball") && prompts.contains("detect ball ; dog"));
    assertTrue(prompts.stream().anyMatch(prompt -> prompt.contains("cat")));
    assertEquals(6 + 2 + 1, orders.size(), "orders of all three, of the dogs, of the ball");
  }

  @Test
  void thingsThenObjectsAreLeftOutUntilTheRestFits() {
    TaskType all = new TaskType.Detect(1, true, 0, Negatives.NONE);
    TextBudget narrow = new TextBudget(TOKENIZER, 14);
    Set<Integer> found = new HashSet<>();
    for (Example example : visits(task(all, 14, DOGS), 100)) {
      assertTrue(narrow.fits(example.prefix(), example.suffix()), example.suffix());
      assertFalse(example.prefix().contains(";"), example.prefix());
      found.add(DetectionText.parse(example.suffix()).objects().size());
    }
    assertEquals(Set.of(1), found, "one ball, or one of the dogs");
    Example whole = visits(task(all, 128, DOGS), 1).get(0);
    assertEquals(3, DetectionText.parse(whole.suffix()).objects().size());
  }

  @Test
  void crowdsAreNotAskedFor() {
    String row = DOGS.replace("\"ball\",", "\"ball\", \"iscrowd\": 1,");
    assertEquals(
        Set.of("detect dog"),
        visits(task(DETECT, 128, row), 50).stream()
            .map(Example::prefix)
            .collect(Collectors.toSet()));
  }

  @Test
  void masksFollowTheirBoxes() {
    String vae = Golden.file("masks/vae.npz").toString();
    TaskType type = new TaskType.Segment(vae, 4, true, 0, Negatives.NONE);
    String runs = "{\"size\": [4, 4], \"counts\": [5, 2, 2, 2, 5]}";
    String row =
        """
        {"height": 4, "width": 4, "objects": [
        {"label": "dog", "box": [0.25, 0.25, 0.75, 0.75], "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]]},
        {"label": "dog", "box": [0.25, 0.25, 0.75, 0.75], "segmentation": %s},
        {"label": "cat", "box": [0, 0, 1, 1]}]}\
        """
            .formatted(runs);
    Example example = task(type, 128, row).example(0);
    assertEquals("segment dog", example.prefix());
    List<DetectionText.Found> found = DetectionText.parse(example.suffix()).objects();
    BoundingBox box = new BoundingBox(0.25, 0.25, 0.75, 0.75);
    Mask mask = Mask.ofRuns(new int[] {5, 2, 2, 2, 5}, 4, 4);
    String expected =
        LocationTokens.encode(box)
            + SegmentationTokens.text(SegmentationTokens.load(Path.of(vae)).encode(mask, box))
            + " dog";
    assertEquals(expected + " ; " + expected, example.suffix());
    assertEquals(2, found.size());
    Task broken = task(type, 128, row.replace("[5, 2, 2, 2, 5]", "[5]"));
    assertSays(
        assertThrows(BadExampleException.class, () -> broken.example(0)), "mask of 'dog'", "sum");
  }

  @Test
  void spansOfATextBecomeTheTarget() {
    String text = "one two three four five six seven eight nine ten eleven twelve";
    TaskType type = new TaskType.SpanCorruption(0.25, 1.5, "<x{n}>");
    Task task = task(type, 200, "{\"text\": \"%s\", \"image\": \"1.jpg\"}".formatted(text));
    for (Example example : visits(task, 50)) {
      assertEquals(List.of(), example.images());
      String[] spans = example.suffix().split("<x\\d>");
      assertEquals(3, spans.length, "nothing, then two spans: " + example.suffix());
      String restored = example.prefix();
      int missing = 0;
      for (int i = 1; i < spans.length; i++) {
        restored = restored.replace("<x" + (i - 1) + ">", spans[i].strip());
        missing += spans[i].strip().split(" ").length;
      }
      assertEquals(text, restored);
      assertEquals(3, missing);
      assertTrue(example.suffix().endsWith(" <x2>"), example.suffix());
    }
    TextBudget narrow = new TextBudget(TOKENIZER, 40);
    for (Example example :
        visits(task(type, 40, "{\"text\": \"%s\"}".formatted((text + " ").repeat(20))), 20)) {
      assertTrue(narrow.fits(example.prefix(), example.suffix()), example.toString());
    }
  }

  @Test
  void boxesAndMasksMoveWithTheCrop() {
    AugmentConfig crop = new AugmentConfig(false, 0, 0.5);
    TaskType type = new TaskType.Detect(4, true, 0, Negatives.NONE);
    Task task = task(new Settings(type, Map.of(), crop), 128, DOGS);
    int dropped = 0;
    for (Example example : visits(task, 300)) {
      BoundingBox view = example.steps().view();
      assertTrue(view.area() >= 0.5 - 1e-9 && view.top() >= 0 && view.right() <= 1 + 1e-9);
      List<DetectionText.Found> found = DetectionText.parse(example.suffix()).objects();
      dropped += 3 - found.size();
      for (DetectionText.Found object : found) {
        if (object.label().equals("ball")) {
          BoundingBox seen = new BoundingBox(0, 0, 0.5, 0.5).intersection(view);
          assertTrue(seen.area() >= 0.125, "half of it is left");
          assertEquals(
              LocationTokens.encode(seen.within(view)), LocationTokens.encode(object.box()));
        }
      }
    }
    assertTrue(dropped > 50, "crops to half of the area lose objects, lost " + dropped);
    Task plain =
        task(
            new Settings(new TaskType.PrefixSuffix(), Map.of(), crop),
            64,
            "{\"prefix\": \"detect cat\", \"suffix\": \"<loc0000>\"}");
    assertEquals(BoundingBox.WHOLE, visits(plain, 1).get(0).steps().view());
  }

  @Test
  void aVisitFollowsFromItsPositionAlone() {
    TaskType type = new TaskType.Detect(4, false, 0.3, Negatives.ANY);
    AugmentConfig augment = new AugmentConfig(true, 0.5, 0.8);
    List<Example> first = visits(task(new Settings(type, Map.of(), augment), 128, DOGS), 50);
    Task again = task(new Settings(type, Map.of(), augment), 128, DOGS);
    for (int i = 49; i >= 0; i--) {
      Example example = again.example(0, i / 7, Draw.at(3, "stage1", i));
      assertEquals(first.get(i).suffix(), example.suffix());
      assertEquals(first.get(i).prefix(), example.prefix());
      assertEquals(first.get(i).steps(), example.steps());
    }
    assertTrue(first.stream().map(Example::steps).distinct().count() > 40);
    assertNotEquals(
        texts(first),
        texts(
            LongStream.range(0, 50)
                .mapToObj(i -> again.example(0, i / 7, Draw.at(3, "stage2", i)))
                .toList()));
    assertEquals(ImageSteps.NONE, again.example(0).steps());
  }

  @Test
  void theFingerprintFollowsTheType() {
    String four = task(DETECT, 64, DOGS).fingerprint();
    assertEquals(four, task(DETECT, 64, DOGS).fingerprint());
    assertNotEquals(
        four, task(new TaskType.Detect(3, false, 0, Negatives.ANY), 64, DOGS).fingerprint());
  }

  /** Off, it leaves every fingerprint as it is without the option. */
  @Test
  void theFingerprintFollowsTheOrientation() {
    SourceConfig source = new SourceConfig.JsonLines(rows("{\"suffix\": \"a\"}"), null);
    String plain = oriented(source, new TaskType.PrefixSuffix(), null).fingerprint();
    try (ExampleSource rows = ExampleSource.open(source)) {
      assertEquals(rows.fingerprint(), plain);
      assertEquals(
          new Digest()
              .add("task 2", rows.fingerprint())
              .add(Fingerprint.of((Record) DETECT))
              .add("{}")
              .add(1)
              .hex(),
          oriented(source, DETECT, null).fingerprint());
    }
    String turned = oriented(source, new TaskType.PrefixSuffix(), Orientation.EXIF).fingerprint();
    assertNotEquals(plain, turned);
    assertNotEquals(turned, oriented(source, DETECT, Orientation.EXIF).fingerprint());
  }

  private Task oriented(SourceConfig source, TaskType type, @Nullable Orientation orientation) {
    TaskConfig config = new TaskConfig(source, type, Map.of(), 1, orientation, 0);
    Task task = Task.open(config, new TextBudget(TOKENIZER, 64));
    open.add(task);
    return task;
  }

  @Test
  void aBoxThatIsNoneIsRefused() {
    for (String box :
        List.of("[0, 0, 1]", "[0.5, 0, 0.5, 1]", "[0, 0, \"1\", 1]", "[2, 2, 3, 3]")) {
      Task task = task(DETECT, 64, DOGS.replace("[0, 0, 0.5, 0.5]", box));
      assertSays(assertThrows(BadExampleException.class, () -> task.example(0)), "jsonl:1", "ymin");
    }
  }
}
