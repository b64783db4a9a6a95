package dev.palimpsest.mixtures.playground;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.data.PrepareConfig;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.text.BpeTrainer;
import dev.palimpsest.mixtures.text.TokenizerFiles;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the drawn dataset. Its folder contains
 *
 * <pre>
 * images/                         128 x 128 pixels, PNG and JPEG
 * caption.SPLIT.jsonl             "caption en"         -> "a red circle left of a blue square"
 * answer.SPLIT.jsonl              "answer en how many stars are there?" -> "2"
 * detect.SPLIT.jsonl              "detect circle"      -> "&lt;loc0256&gt;... circle"
 * ocr.SPLIT.jsonl                 "ocr"                -> "FOX"; with the print's size as "size"
 * ocr.{large,medium,small}.SPLIT.jsonl                 the same by size
 * ocr.fine.SPLIT.jsonl                                 medium and small together
 * scenes.SPLIT.jsonl              captions in English and German, objects with masks, absent
 *                                 figures, regions with captions: rows for task types
 * questions.SPLIT.jsonl           questions in English and German with answers
 * prints.SPLIT.jsonl              texts with boxes
 * texts.SPLIT.jsonl               text without pictures
 * tokenizer.model, tokenizer.json a vocabulary in which nearly every word is one token
 * dataset.json                    settings and counts
 * </pre>
 *
 * with SPLIT one of {@code train} and {@code heldout}. Half of the pictures are scenes, half are
 * prints. The same seed gives the same text and the same pixels before compression; the bytes of
 * picture files are the same for one installation of Java, whose encoders write them.
 */
public final class Playground {
  /**
   * The number of embedding rows before the location and segmentation tokens. It is the same for
   * every seed and size, so that a recipe can state it.
   */
  public static final int BASE_VOCABULARY = 576;

  /** Increased whenever the same settings would draw something else than before. */
  private static final int FORMAT = 3;

  private static final int FEWEST_PICTURES = 6;
  private static final String SUMMARY = "dataset.json";
  private static final Logger log = LoggerFactory.getLogger(Playground.class);

  private final PrepareConfig.Playground settings;
  private final Map<String, StringBuilder> lines = new TreeMap<>();
  private final Map<String, Integer> counts = new TreeMap<>();

  private Playground(PrepareConfig.Playground settings) {
    this.settings = settings;
  }

  /**
   * Writes the dataset, or does nothing if it already exists with the same settings.
   *
   * @return the folder
   * @throws InvalidConfigException when the folder contains something else, or too few pictures are
   *     requested
   * @throws UncheckedIOException when a file cannot be written
   */
  public static Path write(PrepareConfig.Playground settings) {
    return write(settings, drawn -> {});
  }

  /**
   * The same.
   *
   * @param progress is told the number of pictures drawn so far, by any thread
   */
  public static Path write(PrepareConfig.Playground settings, LongConsumer progress) {
    Path out = Path.of(settings.out()).toAbsolutePath().normalize();
    if (Math.min(settings.trainImages(), settings.heldOutImages()) < FEWEST_PICTURES) {
      throw invalid(
          "",
          "needs at least %d pictures to train on and %d held out, so that there is a scene and a"
              + " print of every size; got %d and %d",
          FEWEST_PICTURES,
          FEWEST_PICTURES,
          settings.trainImages(),
          settings.heldOutImages());
    }
    try {
      if (!standsAlready(out, settings)) {
        new Playground(settings).writeTo(out, progress);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the drawn dataset to " + out, e);
    }
    return out;
  }

  private static boolean standsAlready(Path out, PrepareConfig.Playground settings)
      throws IOException {
    if (!Files.exists(out)) {
      return false;
    }
    if (!Files.isDirectory(out)) {
      throw invalid("out", "%s is a file; name a folder that is empty or absent", out);
    }
    Path summary = out.resolve(SUMMARY);
    if (Files.exists(summary)) {
      JsonNode found = Json.STRICT.readTree(summary.toFile()).path("settings");
      JsonNode wanted = Json.STRICT.valueToTree(facts(settings));
      if (found.equals(wanted)) {
        return true;
      }
      throw invalid(
          "out",
          "%s holds a dataset with other settings: found %s, asked for %s; remove it or name"
              + " another folder",
          out,
          found,
          wanted);
    }
    try (Stream<Path> entries = Files.list(out)) {
      if (entries.findAny().isPresent()) {
        throw invalid(
            "out",
            "%s holds other files and no %s; name a folder that is empty or absent",
            out,
            SUMMARY);
      }
    }
    return false;
  }

  private static Map<String, Object> facts(PrepareConfig.Playground settings) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("format", FORMAT);
    // As text: a number may be read back as another type and then not be equal.
    facts.put("seed", Long.toString(settings.seed()));
    facts.put("trainImages", settings.trainImages());
    facts.put("heldOutImages", settings.heldOutImages());
    return facts;
  }

  private void writeTo(Path out, LongConsumer progress) {
    if (out.getParent() == null) {
      throw invalid("out", "%s has no parent folder; name a folder", out);
    }
    Durable.folder(
        out,
        beside -> {
          Files.createDirectory(beside.resolve("images"));
          List<Picture<Scene>> scenes = new ArrayList<>();
          List<Picture<Print>> prints = new ArrayList<>();
          Set<Object> drawn = new HashSet<>();
          // Held-out pictures come first: a training picture that repeats one is drawn again.
          plan("heldout", settings.heldOutImages(), drawn, scenes, prints);
          plan("train", settings.trainImages(), drawn, scenes, prints);
          AtomicLong drawnSoFar = new AtomicLong();
          Runnable oneMore = () -> progress.accept(drawnSoFar.incrementAndGet());
          paint(beside, scenes, Picture::draw, oneMore);
          paint(beside, prints, Picture::draw, oneMore);
          for (Map.Entry<String, StringBuilder> file : lines.entrySet()) {
            write(beside.resolve(file.getKey()), file.getValue());
          }
          TokenizerFiles.write(beside, BpeTrainer.train(Corpus.texts(), BASE_VOCABULARY));
          writeSummary(beside.resolve(SUMMARY));
        });
  }

  private void plan(
      String split,
      int pictures,
      Set<Object> drawn,
      List<Picture<Scene>> scenes,
      List<Picture<Print>> prints) {
    int sceneCount = pictures - pictures / 2;
    Set<Object> others = Set.copyOf(drawn);
    for (int i = 0; i < sceneCount; i++) {
      String file = Picture.file(split, "scene", i);
      Scene scene = unseen(others, file, Scene::random);
      drawn.add(scene);
      scenes.add(new Picture<>(file, scene, seed(file, "texture", 0)));
      describe(split, file, scene);
    }
    for (int i = 0; i < pictures - sceneCount; i++) {
      Print.Size size = Print.Size.ALL.get(i % Print.Size.ALL.size());
      String file = Picture.file(split, "print", i);
      Print print = unseen(others, file, random -> Print.random(random, size));
      drawn.add(print);
      prints.add(new Picture<>(file, print, seed(file, "texture", 0)));
      describe(split, file, print);
    }
  }

  private <T> T unseen(
      Set<Object> others, String file, java.util.function.Function<Random, T> draw) {
    for (int attempt = 0; ; attempt++) {
      T content = draw.apply(new Random(seed(file, "content", attempt)));
      if (!others.contains(content)) {
        return content;
      }
    }
  }

  private void describe(String split, String file, Scene scene) {
    line("caption." + split, file, "caption en", scene.caption(), Map.of());
    for (Scene.Question question : scene.questions(new Random(seed(file, "questions", 0)))) {
      line("answer." + split, file, "answer en " + question.text(), question.answer(), Map.of());
    }
    rows(split, file, scene);
    for (Figure figure : scene.figures()) {
      line("detect." + split, file, "detect " + figure.noun(), scene.detections(figure), Map.of());
    }
  }

  /** Rows for task types, without prompts or targets. */
  private void rows(String split, String file, Scene scene) {
    List<Object> objects = new ArrayList<>();
    List<Object> regions = new ArrayList<>();
    for (Thing thing : scene.things()) {
      objects.add(
          fields(
              "label", thing.figure().noun(), "box", thing.box(), "segmentation", outline(thing)));
      regions.add(fields("box", thing.box(), "caption", "a " + thing.name()));
    }
    row(
        "scenes." + split,
        fields(
            "image",
            file,
            "height",
            Canvas.SIDE,
            "width",
            Canvas.SIDE,
            "captions",
            fields("en", scene.caption(), "de", scene.germanCaption()),
            "objects",
            objects,
            "absent",
            Figure.ALL.stream()
                .filter(figure -> !scene.figures().contains(figure))
                .map(Figure::noun)
                .toList(),
            "regions",
            regions));
    for (Scene.Question question : scene.questions(new Random(seed(file, "questions", 0)))) {
      row(
          "questions." + split,
          fields(
              "image",
              file,
              "question",
              fields("en", question.text(), "de", question.german()),
              "answers",
              List.of(question.answer())));
    }
    row("texts." + split, fields("text", scene.caption() + " and " + scene.germanCaption()));
  }

  /** A mask in each of COCO's three forms. */
  private static Object outline(Thing thing) {
    int left = thing.x() * Thing.CELL;
    int top = thing.y() * Thing.CELL;
    int right = left + thing.size() * Thing.CELL;
    int bottom = top + thing.size() * Thing.CELL;
    return switch (thing.figure()) {
      case SQUARE -> List.of(List.of(left, top, right, top, right, bottom, left, bottom));
      case TRIANGLE -> runs(thing.mask().rle());
      case CIRCLE -> runs(thing.mask().runs());
    };
  }

  private static Object runs(Object counts) {
    return fields("size", List.of(Canvas.SIDE, Canvas.SIDE), "counts", counts);
  }

  private static Map<String, Object> fields(Object... namesAndValues) {
    Map<String, Object> fields = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return fields;
  }

  private void describe(String split, String file, Print print) {
    String size = print.size().word();
    row(
        "prints." + split,
        fields(
            "image",
            file,
            "size",
            size,
            "texts",
            List.of(fields("text", print.word(), "box", print.box()))));
    List<String> groups = new ArrayList<>(List.of("ocr", "ocr." + size));
    if (print.size() != Print.Size.LARGE) {
      groups.add("ocr.fine");
    }
    for (String group : groups) {
      line(group + "." + split, file, "ocr", print.word(), Map.of("size", size));
    }
  }

  private void line(
      String name, String image, String prefix, String suffix, Map<String, String> more) {
    Map<String, Object> fields = fields("image", image, "prefix", prefix, "suffix", suffix);
    fields.putAll(more);
    row(name, fields);
  }

  private void row(String name, Map<String, Object> fields) {
    try {
      lines
          .computeIfAbsent(name + ".jsonl", key -> new StringBuilder())
          .append(Json.STRICT.writeValueAsString(fields))
          .append('\n');
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    counts.merge(name + ".jsonl", 1, Integer::sum);
  }

  private static <T> void paint(
      Path folder,
      List<Picture<T>> pictures,
      BiFunction<T, Long, BufferedImage> draw,
      Runnable oneMore) {
    pictures.parallelStream()
        .forEach(
            picture -> {
              try {
                log.debug("drawing {}", picture.file());
                Picture.write(
                    draw.apply(picture.content(), picture.textureSeed()),
                    folder.resolve(picture.file()));
                oneMore.run();
              } catch (IOException e) {
                throw cannotWrite(folder.resolve(picture.file()), e);
              }
            });
  }

  private void writeSummary(Path file) throws IOException {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("settings", facts(settings));
    summary.put("canvas", Canvas.SIDE);
    summary.put("words", Print.WORDS);
    summary.put("baseVocabulary", BASE_VOCABULARY);
    summary.put("examples", counts);
    write(file, Json.indented(summary));
  }

  private static void write(Path file, CharSequence text) {
    try {
      Files.writeString(file, text, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw cannotWrite(file, e);
    }
  }

  /** The system's own reason, for example a full disk, does not name the file. */
  private static UncheckedIOException cannotWrite(Path file, IOException e) {
    return new UncheckedIOException("cannot write " + file, e);
  }

  /**
   * One of many independent streams, so that what is drawn for one file does not depend on any
   * other file.
   */
  private long seed(String file, String purpose, int attempt) {
    long mixed = settings.seed();
    for (long part : new long[] {file.hashCode(), purpose.hashCode(), attempt}) {
      // SplitMix64's finaliser (Steele, Lea, Flood: Fast splittable pseudorandom number
      // generators).
      mixed = (mixed ^ part) + 0x9E3779B97F4A7C15L;
      mixed = (mixed ^ mixed >>> 30) * 0xBF58476D1CE4E5B9L;
      mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
      mixed ^= mixed >>> 31;
    }
    return mixed;
  }

  private static InvalidConfigException invalid(String field, String message, Object... args) {
    return new InvalidConfigException(
        List.of(new Problem(field, String.format(java.util.Locale.ROOT, message, args))));
  }
}
