package dev.palimpsest.mixtures.playground;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.configs.data.TaskConfig;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.mixtures.codecs.DetectionText;
import dev.palimpsest.mixtures.codecs.Mask;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.sources.ExampleSource;
import dev.palimpsest.mixtures.sources.Row;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.mixtures.tasks.Task;
import dev.palimpsest.mixtures.text.TextBudget;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PlaygroundTest {
  private static final int TRAIN = 240;
  private static final int HELD_OUT = 60;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern BOX =
      Pattern.compile("<loc(\\d{4})><loc(\\d{4})><loc(\\d{4})><loc(\\d{4})> (\\w+)");

  private final Path drawn;

  PlaygroundTest(@TempDir Path shared) {
    drawn = write(shared.resolve("drawn"), 3);
  }

  @Test
  void sameSeedSameBytes(@TempDir Path temp) throws IOException {
    Path again = write(temp.resolve("again"), 3);
    assertEquals(names(drawn), names(again));
    for (String name : names(drawn)) {
      assertArrayEquals(
          Files.readAllBytes(drawn.resolve(name)), Files.readAllBytes(again.resolve(name)), name);
    }
  }

  @Test
  void anotherSeedDrawsOtherPictures(@TempDir Path temp) throws IOException {
    Path other = write(temp.resolve("other"), 4);
    assertNotEquals(
        Files.readString(drawn.resolve("caption.train.jsonl")),
        Files.readString(other.resolve("caption.train.jsonl")));
    assertArrayEquals(
        Files.readAllBytes(drawn.resolve("tokenizer.model")),
        Files.readAllBytes(other.resolve("tokenizer.model")),
        "the vocabulary is the same for every seed");
  }

  @Test
  void writingAgainLeavesEverythingAsItIs() throws IOException {
    Path file = drawn.resolve("ocr.train.jsonl");
    FileTime before = Files.getLastModifiedTime(file);
    assertEquals(drawn, write(drawn, 3));
    assertEquals(before, Files.getLastModifiedTime(file));
  }

  @Test
  void anEmptyFolderIsFilled(@TempDir Path temp) {
    write(temp, 3);
    assertTrue(Files.exists(temp.resolve("dataset.json")));
  }

  @Test
  void otherSettingsAreRefusedWithBothNamed() {
    InvalidConfigException e = assertThrows(InvalidConfigException.class, () -> write(drawn, 5));
    assertTrue(e.toString().contains("\"seed\":\"3\""), e.toString());
    assertTrue(e.toString().contains("\"seed\":\"5\""), e.toString());
  }

  @Test
  void aFolderWithOtherFilesIsLeftAlone(@TempDir Path temp) throws IOException {
    Files.writeString(temp.resolve("thesis.txt"), "mine");
    assertThrows(InvalidConfigException.class, () -> write(temp, 3));
    assertEquals(Set.of("thesis.txt"), names(temp));
  }

  @Test
  void tooFewPicturesAreRefused(@TempDir Path temp) {
    PrepareConfig.Playground few =
        new PrepareConfig.Playground(temp.resolve("few").toString(), 0, 6, 5);
    InvalidConfigException e =
        assertThrows(InvalidConfigException.class, () -> Playground.write(few));
    assertTrue(e.toString().contains("got 6 and 5"), e.toString());
  }

  @Test
  void heldOutScenesDifferFromTrainingScenes() throws IOException {
    Set<String> train = new HashSet<>(boxesByImage("train").values());
    for (Map.Entry<String, String> heldOut : boxesByImage("heldout").entrySet()) {
      assertFalse(train.contains(heldOut.getValue()), heldOut.toString());
    }
  }

  @Test
  void captionsFollowFromBoxesAndPixels() throws IOException {
    for (String split : List.of("train", "heldout")) {
      Map<String, List<Seen>> seen = seen(split);
      for (JsonNode line : lines("caption." + split)) {
        assertEquals("caption en", line.get("prefix").asText());
        List<Seen> things = seen.getOrDefault(line.get("image").asText(), List.of());
        assertEquals(caption(things), line.get("suffix").asText(), line.toString());
      }
    }
  }

  @Test
  void answersFollowFromBoxesAndPixels() throws IOException {
    Map<String, List<Seen>> seen = seen("train");
    Set<String> kinds = new HashSet<>();
    for (JsonNode line : lines("answer.train")) {
      List<Seen> things = seen.getOrDefault(line.get("image").asText(), List.of());
      String question = line.get("prefix").asText();
      String figure = question.replaceFirst(".*?(circle|square|triangle).*", "$1");
      List<Seen> asked = things.stream().filter(thing -> thing.figure.equals(figure)).toList();
      String kind = question.split(" ")[2];
      kinds.add(kind);
      String expected =
          switch (kind) {
            case "how" -> "" + asked.size();
            case "is" -> asked.isEmpty() ? "no" : "yes";
            default -> {
              assertEquals(1, asked.stream().map(Seen::hue).distinct().count(), line.toString());
              yield asked.get(0).hue;
            }
          };
      assertEquals(expected, line.get("suffix").asText(), line.toString());
    }
    assertEquals(Set.of("how", "is", "what"), kinds);
  }

  @Test
  void printIsListedOnceInAllAndOnceBySize() throws IOException {
    List<JsonNode> bySize = new ArrayList<>();
    for (String size : List.of("large", "medium", "small")) {
      List<JsonNode> lines = lines("ocr." + size + ".heldout");
      assertTrue(lines.stream().allMatch(line -> line.get("size").asText().equals(size)));
      bySize.addAll(lines);
    }
    assertEquals(HELD_OUT / 2, bySize.size());
    assertEquals(Set.copyOf(lines("ocr.heldout")), Set.copyOf(bySize));
    assertTrue(bySize.stream().allMatch(line -> Print.WORDS.contains(line.get("suffix").asText())));
  }

  /**
   * 9/32 * 1023 = 287.71875; 1/2 * 1023 = 511.5, whose even neighbour is 512; 1 is the last bin.
   */
  @Test
  void boxesAreBinsOfCoordinatesRoundedHalfToEven() {
    Thing thing = new Thing(Figure.TRIANGLE, Hue.RED, 16, 9, 16);
    assertEquals("<loc0288><loc0512><loc0799><loc1023> triangle", thing.detection());
  }

  @Test
  void everyLineIsReadWithItsPicture() throws IOException {
    for (String name : names(drawn)) {
      if (name.endsWith(".jsonl")) {
        String path = drawn.resolve(name).toString();
        try (ExampleSource source = ExampleSource.open(new SourceConfig.JsonLines(path, null))) {
          assertTrue(source.size() > 0, name);
          for (long i = 0; i < source.size(); i++) {
            Row row = source.row(i);
            for (ImageReference image : row.images()) {
              assertTrue(image.content().read().length > 0, row.toString());
            }
            assertEquals(name.startsWith("texts."), row.images().isEmpty(), row.toString());
            assertTrue(row.fields().size() > row.images().size(), row.toString());
          }
        }
      }
    }
  }

  /** The tasks that read rows say the same as the lines that are prompt and target already. */
  @Test
  void rowsSayWhatLinesSay() throws IOException {
    TextBudget budget = new TextBudget(Tokenizer.load(drawn.resolve("tokenizer.model")), 1000);
    TaskType.Detect all = new TaskType.Detect(1, true, 0, TaskType.Negatives.VERIFIED);
    Map<String, TaskType> types = new TreeMap<>();
    types.put("scenes/caption", new TaskType.Caption("en", Map.of("en", 1.0)));
    types.put("questions/answer", new TaskType.Answer("en", Map.of("en", 1.0)));
    types.put("prints/ocr", new TaskType.Ocr(false));
    for (Map.Entry<String, TaskType> entry : types.entrySet()) {
      String[] names = entry.getKey().split("/");
      Set<String> lines = new HashSet<>();
      for (JsonNode line : lines(names[1] + ".heldout")) {
        lines.add(line.get("prefix").asText() + " -> " + line.get("suffix").asText());
      }
      assertEquals(lines, said(names[0], entry.getValue(), budget), entry.getKey());
    }
    for (String detected : said("scenes", all, budget)) {
      List<String> asked = List.of(detected.replaceFirst(" ->.*", "").substring(7).split(" ; "));
      Set<String> found = new HashSet<>();
      DetectionText.parse(detected.replaceFirst(".*-> ", ""))
          .objects()
          .forEach(object -> found.add(object.label()));
      assertEquals(Set.copyOf(asked), found);
    }
  }

  private Set<String> said(String file, TaskType type, TextBudget budget) {
    Set<String> said = new HashSet<>();
    String path = drawn.resolve(file + ".heldout.jsonl").toString();
    TaskConfig config = new TaskConfig(new SourceConfig.JsonLines(path, null), type, Map.of());
    try (Task task = Task.open(config, budget)) {
      for (long i = 0; i < task.size(); i++) {
        Example example = task.example(i);
        said.add(example.prefix() + " -> " + example.suffix());
      }
    }
    return said;
  }

  @Test
  void germanFollowsTheEnglish() {
    Thing circle = new Thing(Figure.CIRCLE, Hue.RED, 2, 9, 12);
    Thing square = new Thing(Figure.SQUARE, Hue.GREEN, 18, 9, 12);
    Scene pair = new Scene(List.of(circle, square));
    assertEquals("a red circle left of a green square", pair.caption());
    assertEquals("ein roter kreis links von einem grünen quadrat", pair.germanCaption());
    assertEquals("ein grünes quadrat", new Scene(List.of(square)).germanCaption());
    assertEquals(
        "zwei rote kreise",
        new Scene(List.of(circle, new Thing(Figure.CIRCLE, Hue.RED, 18, 9, 12))).germanCaption());
  }

  /** COCO's rasterisation of the square's polygon and the masks' areas are those of the figures. */
  @Test
  void masksAreTheFigures() {
    double side = 12 * Thing.CELL;
    Map<Figure, Double> shares = Map.of(Figure.CIRCLE, Math.PI / 4, Figure.SQUARE, 1.0);
    for (Figure figure : Figure.ALL) {
      Mask mask = new Thing(figure, Hue.RED, 3, 5, 12).mask();
      assertEquals(shares.getOrDefault(figure, 0.5) * side * side, mask.area(), side, "" + figure);
      assertEquals(mask, Mask.ofRle(mask.rle(), mask.height(), mask.width()));
      assertEquals(mask, Mask.ofRuns(mask.runs(), mask.height(), mask.width()));
    }
    double[] corners = {12, 20, 60, 20, 60, 68, 12, 68};
    assertEquals(
        new Thing(Figure.SQUARE, Hue.RED, 3, 5, 12).mask(),
        Mask.ofPolygons(List.of(corners), Canvas.SIDE, Canvas.SIDE));
  }

  @Test
  void pngAndJpegAreMixed() throws IOException {
    Map<String, Long> kinds =
        names(drawn).stream()
            .filter(name -> name.startsWith("images/"))
            .collect(
                Collectors.groupingBy(
                    name -> name.substring(name.indexOf('.')), Collectors.counting()));
    assertEquals(Set.of(".png", ".jpg"), kinds.keySet());
    assertEquals(TRAIN + HELD_OUT, kinds.values().stream().mapToLong(Long::longValue).sum());
    assertTrue(kinds.getOrDefault(".png", 0L) > TRAIN / 4, kinds.toString());
  }

  @Test
  void bothTokenizerFilesGiveEveryTextBack() throws IOException {
    for (String file : List.of(TokenizerFiles.SENTENCE_PIECE, TokenizerFiles.HUGGING_FACE)) {
      Tokenizer tokenizer = Tokenizer.load(drawn.resolve(file));
      assertEquals(Playground.BASE_VOCABULARY + 1024 + 128, tokenizer.vocabularySize());
      for (String name : List.of("caption.train", "answer.train", "detect.train", "ocr.train")) {
        for (JsonNode line : lines(name)) {
          for (String field : List.of("prefix", "suffix")) {
            String text = line.get(field).asText();
            assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
          }
        }
      }
    }
  }

  @Test
  void printedWordsAndAnswersAreSingleTokens() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(drawn.resolve(TokenizerFiles.SENTENCE_PIECE));
    List<String> words = new ArrayList<>(Print.WORDS);
    Hue.ALL.forEach(hue -> words.add(hue.word()));
    words.addAll(List.of("yes", "no", "1", "2", "3"));
    for (String word : words) {
      assertEquals(1, tokenizer.encode(word).length, word);
    }
    assertEquals(8, tokenizer.encode("a red circle left of a blue square").length);
  }

  private static Path write(Path out, long seed) {
    return Playground.write(new PrepareConfig.Playground(out.toString(), seed, TRAIN, HELD_OUT));
  }

  private static Set<String> names(Path folder) throws IOException {
    try (Stream<Path> walk = Files.walk(folder)) {
      return walk.filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString().replace('\\', '/'))
          .collect(Collectors.toSet());
    }
  }

  private List<JsonNode> lines(String name) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(drawn.resolve(name + ".jsonl"))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  private Map<String, String> boxesByImage(String split) throws IOException {
    Map<String, String> boxes = new TreeMap<>();
    for (Map.Entry<String, List<Seen>> image : seen(split).entrySet()) {
      boxes.put(image.getKey(), image.getValue().toString());
    }
    return boxes;
  }

  /** Things by picture, in reading order: boxes and figures from text, colours from pixels. */
  private Map<String, List<Seen>> seen(String split) throws IOException {
    Map<String, List<Seen>> seen = new HashMap<>();
    for (JsonNode line : lines("detect." + split)) {
      String image = line.get("image").asText();
      for (String box : line.get("suffix").asText().split(" ; ")) {
        Matcher parts = BOX.matcher(box);
        assertTrue(parts.matches(), box);
        assertEquals("detect " + parts.group(5), line.get("prefix").asText());
        int top = pixel(parts.group(1));
        int left = pixel(parts.group(2));
        int bottom = pixel(parts.group(3));
        int right = pixel(parts.group(4));
        int middle =
            ImageIO.read(drawn.resolve(image).toFile())
                .getRGB((left + right) / 2, (top + bottom) / 2);
        seen.computeIfAbsent(image, key -> new ArrayList<>())
            .add(new Seen(parts.group(5), hue(middle), left, top, right, bottom));
      }
    }
    // Two rows, since a half of the picture is above the other; then from left to right.
    for (List<Seen> things : seen.values()) {
      boolean sideBySide = things.size() == 2 && things.get(0).overlapsInHeight(things.get(1));
      things.sort(
          sideBySide
              ? Comparator.comparing(Seen::left)
              : Comparator.comparing((Seen thing) -> thing.top >= 60).thenComparing(Seen::left));
    }
    return seen;
  }

  private static int pixel(String bin) {
    return (int) Math.round(Integer.parseInt(bin) / 1023.0 * Canvas.SIDE);
  }

  private static String hue(int pixel) {
    return Hue.ALL.stream()
        .min(
            Comparator.comparingInt(
                hue ->
                    Math.abs(hue.color().getRed() - (pixel >> 16 & 255))
                        + Math.abs(hue.color().getGreen() - (pixel >> 8 & 255))
                        + Math.abs(hue.color().getBlue() - (pixel & 255))))
        .orElseThrow()
        .word();
  }

  private static String caption(List<Seen> things) {
    Seen first = things.get(0);
    if (things.size() == 1) {
      return "a " + first.name();
    }
    if (things.stream().map(Seen::name).distinct().count() == 1) {
      String plural = first.figure + "s";
      return (things.size() == 2 ? "two " : "three ") + first.hue + " " + plural;
    }
    Seen second = things.get(1);
    return first.overlapsInHeight(second)
        ? "a " + first.name() + " left of a " + second.name()
        : "a " + first.name() + " above a " + second.name();
  }

  private record Seen(String figure, String hue, int left, int top, int right, int bottom) {
    String name() {
      return hue + " " + figure;
    }

    boolean overlapsInHeight(Seen other) {
      return top < other.bottom && other.top < bottom;
    }
  }
}
