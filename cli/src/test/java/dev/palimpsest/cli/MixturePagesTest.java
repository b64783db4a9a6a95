package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code mixture} and {@code dedup} on a small drawn dataset, and their pages in a browser. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MixturePagesTest {
  private static final String RECIPE =
      """
      name: small
      description: "<b>not bold</b> & 'quoted'"
      prepare:
        playground: {out: '${run}/data', seed: 3, trainImages: 24, heldOutImages: 12}
      tokenizer: {path: '${run}/data/tokenizer.model'}
      model:
        vision: {width: 16, depth: 1, mlpWidth: 32, heads: 2, patchSize: 8}
        language: {vocabulary: 1728, width: 16, depth: 1, mlpWidth: 32, heads: 2, keyValueHeads: 1, headDim: 8, queryScalar: 8}
      tasks:
        caption: {source: {jsonl: '${run}/data/caption.train.jsonl'}}
        detect: {source: {jsonl: '${run}/data/detect.train.jsonl'}}
        leaked: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}}
      suites:
        heldout: {tasks: {caption: {source: {jsonl: '${run}/data/caption.heldout.jsonl'}}}}
      stages:
        - name: stage1
          init: {checkpoint: none}
          examples: 4096
          resolution: 32
          textTokens: 12
          batchSize: 32
          mixture: {caption: 3, detect: 1}
          optimizer: {learningRate: 1e-3, schedule: {constant: {}}}
      """;

  private Path folder;
  private Path recipe;

  @BeforeAll
  void write(@TempDir Path temporary) throws IOException {
    folder = temporary;
    recipe = Files.writeString(folder.resolve("small.yaml"), RECIPE);
  }

  @Test
  void theMixtureIsCountedInTheTerminalAndShownInAPage() throws Exception {
    Path html = folder.resolve("mixture.html");
    Outcome outcome = command("mixture", "--samples", "4096", "--html", html.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    // All 4,096 positions: what is drawn differs from what is wanted by the stage's own luck alone.
    assertTrue(outcome.out().contains("stage1: 4,096 examples in 128 steps of 32"), outcome.out());
    assertTrue(Pattern.compile("caption +75\\.0 % +7[3-7]\\.\\d %").matcher(outcome.out()).find());
    String page = Files.readString(html);
    assertFalse(
        Pattern.compile("(?:src|href)=\"(?!data:|#)").matcher(page).find(), "refers to a file");
    assertFalse(page.contains("<b>not bold"), "the recipe's text is not escaped");

    String dom = Chromium.dom(folder, html);
    assertEquals(1, count(dom, "<section class=\"stage\""));
    assertEquals(2, count(dom, "<article class=\"card task\""));
    assertEquals(12, count(dom, "<li class=\"sample"));
    assertEquals(12, count(dom, "<img "));
    assertEquals(12, count(dom, "alt=\"Picture 1 of 1 of "));
    assertTrue(count(dom, "class=\"frame") >= 6, "each detection has a box");
    // Detections of several figures need more than 13 tokens, and lose their end.
    assertTrue(count(dom, "<del>") >= 1 && dom.contains("id=\"only-cut\""));
    assertTrue(count(dom, "role=\"img\" aria-label=\"Histogram of tokens needed") >= 3);
  }

  /** Stored with a width of 5 and a height of 3, and an orientation of 6. */
  @Test
  void turnedPicturesAreShownAsTheModelSeesThem() throws IOException {
    Path pictures = Path.of("../mixtures/src/test/resources/golden/orientation/pictures.jsonl");
    for (String line : Files.readAllLines(pictures)) {
      JsonNode picture = new ObjectMapper().readTree(line);
      if (picture.get("format").asText().equals("jpeg")
          && picture.get("orientation").asInt() == 6) {
        Files.write(folder.resolve("turned.jpg"), picture.get("file").binaryValue());
      }
    }
    Path rows =
        Files.writeString(
            folder.resolve("turned.jsonl"),
            "{\"image\": \"turned.jpg\", \"prefix\": \"detect dot\","
                + " \"suffix\": \"<loc0000><loc0000><loc0512><loc0512> dot\"}\n");
    for (String orientation : List.of("", ", orientation: exif")) {
      Path html = folder.resolve("turned.html");
      Outcome outcome =
          command(
              "mixture",
              "--samples",
              "64",
              "--html",
              html.toString(),
              "--set",
              "stages.stage1.mixture={detect: 1}",
              "--set",
              "stages.stage1.textTokens=24",
              "--set",
              "tasks.detect={source: {jsonl: %s}%s}".formatted(rows, orientation));
      assertEquals(0, outcome.exit(), outcome.err());
      String page = Files.readString(html);
      String size = orientation.isEmpty() ? "width=\"5\" height=\"3\"" : "width=\"3\" height=\"5\"";
      assertTrue(count(page, size) >= 1, orientation);
      assertEquals(count(page, "<img "), count(page, size), orientation);
    }
  }

  @Test
  void partsThatSeveralProcessesExamineGiveTheSameTogether() throws IOException {
    Path whole = folder.resolve("whole.html");
    Outcome once = command("mixture", "--samples", "300", "--html", whole.toString());
    assertEquals(0, once.exit(), once.err());
    for (int parts : new int[] {1, 3}) {
      for (int i = parts - 1; i >= 0; i--) {
        Outcome part = command("mixture", "--samples", "300", "--part", i + "/" + parts);
        assertEquals(0, part.exit(), part.err());
      }
      Path html = folder.resolve("merged-" + parts + ".html");
      Outcome merged =
          command("mixture", "--samples", "300", "--merge", "" + parts, "--html", html.toString());
      assertEquals(0, merged.exit(), merged.err());
      assertEquals(
          once.out().replace(whole.toString(), ""), merged.out().replace(html.toString(), ""));
      assertEquals(-1, Files.mismatch(whole, html), "with " + parts + " parts");
    }
    Outcome other = command("mixture", "--samples", "299", "--merge", "3");
    assertEquals(2, other.exit());
    assertTrue(
        other.err().contains("of another mixture or number of --samples: run --part 0/3 again"),
        other.err());
    Outcome missing = command("mixture", "--samples", "300", "--merge", "4");
    assertTrue(missing.err().contains("is missing: run with --part 3/4"), missing.err());
    Outcome wrong = command("mixture", "--part", "3/3");
    assertEquals(2, wrong.exit());
    assertTrue(wrong.err().contains("part 3 of 3"), wrong.err());
  }

  @Test
  void partsOfParquetFilesAreImportedAhead() throws IOException {
    Path shards = folder.resolve("shards");
    Path tables = Path.of("../mixtures/src/test/resources/golden/sources");
    for (String table : List.of("table-0.parquet", "table-1.parquet")) {
      Files.createDirectories(shards);
      Files.copy(tables.resolve(table), shards.resolve(table));
    }
    Path cache = folder.resolve("imported");
    String set =
        "tasks.detect={source: {parquet: {path: '%s/*.parquet', pictures: [image], cache: %s}}}"
            .formatted(shards, cache);
    Outcome second = command("prepare", "--part", "1/2", "--set", set);
    assertEquals(0, second.exit(), second.err());
    List<String> two = files(cache);
    assertEquals(1, two.size());
    assertEquals("%s%nready: 1 of 2 Parquet files%n".formatted(two.get(0)), second.out());
    assertEquals(0, command("prepare", "--part", "0/2", "--set", set).exit());
    List<String> both = files(cache);
    assertEquals(2, both.size());
    // All of it at once: the same files, and none is written again.
    Outcome whole = command("prepare", "--set", set);
    assertTrue(whole.out().endsWith("ready: 2 of 2 Parquet files\n"), whole.out());
    assertTrue(whole.out().contains(two.get(0)), whole.out());
    assertEquals(both, files(cache));
    assertEquals(
        "ready: 0 of 2 Parquet files\n", command("prepare", "--part", "2/3", "--set", set).out());
    assertEquals(2, command("prepare", "--part", "3/3", "--set", set).exit());
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(Path::toString).sorted().toList();
    }
  }

  @Test
  void epochsAreCountedNotExpected() {
    Outcome outcome = command("mixture", "--set", "stages.stage1.examples=64", "--samples", "64");
    Matcher row =
        Pattern.compile("detect +25\\.0 % +([\\d.]+) % +[\\d.]+ % +(\\d+) +([\\d.]+) ")
            .matcher(outcome.out());
    assertTrue(row.find(), outcome.out());
    // All positions were looked at, so that the share drawn says how many there are.
    long visits = Math.round(Double.parseDouble(row.group(1)) / 100 * 64);
    assertNotEquals(16, visits, "this stage is too lucky to tell");
    double epochs = (double) visits / Integer.parseInt(row.group(2));
    assertEquals(epochs, Double.parseDouble(row.group(3)), 0.005 * epochs);
  }

  @Test
  void mistakesInTheDataAreToldAllAtOnceAndInWords() throws IOException {
    Outcome missing =
        command(
            "mixture",
            "--set",
            "tasks.caption.source={jsonl: nowhere.jsonl}",
            "--set",
            "tasks.detect={source: {tar: 'no-*.tar'}, type: {segment: {vae: none.npz}}}");
    assertEquals(2, missing.exit());
    assertTrue(missing.err().contains("tasks.caption.source.path: no such file"), missing.err());
    assertTrue(missing.err().contains("tasks.detect.source.path: no file matches"), missing.err());
    assertTrue(
        missing.err().contains("tasks.detect.type.segment.vae: no such file"), missing.err());

    Outcome light = command("mixture", "--set", "stages.stage1.mixture={caption: 1, detect: 1e-7}");
    assertEquals(2, light.exit(), light.err());
    assertTrue(light.err().contains("stages.stage1.mixture.detect: is too small"), light.err());

    Path empty = Files.createFile(folder.resolve("empty.jsonl"));
    Outcome nothing =
        command("mixture", "--set", "tasks.caption.source={jsonl: %s}".formatted(empty));
    assertEquals(2, nothing.exit(), nothing.err());
    assertTrue(nothing.err().contains("empty.jsonl has no examples"), nothing.err());

    Path broken =
        Files.writeString(
            folder.resolve("broken.jsonl"), "{\"image\": \"gone.png\", \"suffix\": \"a\"}\n");
    Outcome unread =
        command(
            "mixture",
            "--samples",
            "64",
            "--set",
            "tasks.caption.source={jsonl: %s}".formatted(broken));
    assertEquals(0, unread.exit(), unread.err());
    Matcher counted =
        Pattern.compile("(\\d+) of them could not be read:\\R +caption, (\\d+) of (\\d+):")
            .matcher(unread.out());
    assertTrue(counted.find(), unread.out());
    assertEquals(counted.group(1), counted.group(2));
    assertEquals(counted.group(1), counted.group(3));
    assertEquals(1, count(unread.out(), "gone.png does not exist"), unread.out());
  }

  /** Files that users had: either their rows are read, or one sentence says what they are. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{jsonl: %s/jsonl/images.jsonl}||",
        "{jsonl: %s/jsonl/metadata.jsonl}|, fields: {image: file_name}|",
        "{jsonl: %s/jsonl/metadata.jsonl}||fields: {image: file_name}",
        "{jsonl: %s/jsonl/array.json}||a JSON array; expected one object per line",
        "{tar: %s/tar/multi.tar}|, fields: {prefix: question.txt, suffix: answer.txt}|",
        "{tar: {path: '%s/tar/multi.tar', pictures: [right.png]}}"
            + "|, fields: {prefix: question.txt, suffix: answer.txt}|",
        "{tar: '%s/tar/{appledouble,abs}.tar'}|, type: {caption: {}}, fields: {captions: txt}|",
        "{tar: '%s/tar/{abs,none}.tar'}|, type: {caption: {}}, fields: {captions: txt}|",
        "{tar: '%s/tar/no-{00..03}.tar'}||no-00.tar",
        "{tar: %s/tar/bz2.tar.bz2}||compressed (bzip2)",
        "{arrow: %s/view.arrow}||",
        "{arrow: {path: %s/view.arrow, columns: [image, suffix, extra]}}||column extra is Utf8View",
        "{arrow: %s/dag30.arrow}||schema of more than 100000 fields",
        "{cocoInstances: {path: %s/coco/zeroarea.json, images: %s/jsonl}}|, type: {detect: {}}|",
        "{openImages: {boxes: %s/openimages/boxes-short-row.csv, images: %s/jsonl}}"
            + "|, type: {detect: {}}|names the column Confidence twice",
      })
  void oddFilesAreReadOrNamed(String source, @Nullable String more, @Nullable String refusal) {
    String odd = Path.of("../mixtures/src/test/resources/golden/odd").toAbsolutePath().toString();
    Outcome outcome =
        command(
            "mixture",
            "--samples",
            "8",
            "--set",
            "stages.stage1.mixture={caption: 1}",
            "--set",
            "tasks.caption={source: %s%s}"
                .formatted(source.replace("%s", odd), more == null ? "" : more));
    assertEquals(refusal == null ? 0 : 2, outcome.exit(), outcome.err());
    assertTrue(refusal == null || outcome.err().contains(refusal), outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
    assertFalse(
        refusal == null && !source.contains("coco") && outcome.out().contains("could not be read"),
        outcome.out());
  }

  @Test
  void aStageThatIsNoneIsNamedWithThoseThatAre() {
    Outcome outcome = command("mixture", "--stage", "stage9");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.err().contains("stage9") && outcome.err().contains("stage1"), outcome.err());
  }

  @Test
  void whatTheEvaluationHoldsIsFoundListedAndLeftOut() throws Exception {
    Path list = folder.resolve("exclude.tsv");
    Path html = folder.resolve("duplicates.html");
    String[] leaked = {
      "--set", "stages.stage1.mixture={caption: 3, leaked: 1}",
      "--set", "dedup={against: [heldout], limit: 0.2}"
    };
    Outcome found =
        command("dedup", with(leaked, "--exclusions", list.toString(), "--html", html.toString()));
    assertEquals(1, found.exit(), found.err()); // a quarter of the examples and more
    assertTrue(Pattern.compile("leaked +6 +6 +0").matcher(found.out()).find(), found.out());
    assertTrue(Files.readAllLines(list).size() >= 8, Files.readString(list));
    String dom = Chromium.dom(folder, html);
    assertTrue(dom.contains("The same pictures") && dom.contains("exceeded: a run would stop"));
    assertTrue(dom.contains("alt=\"The evaluation's picture, of heldout/caption/"));

    // Of six rows one stays: a list that leaves nothing of a task is refused.
    List<String> lines = new ArrayList<>(Files.readAllLines(list));
    lines.removeIf(line -> line.startsWith("leaked/caption.heldout.jsonl:1\t"));
    Files.write(list, lines);
    String[] excluding = with(leaked, "--set", "exclude=" + list);
    Outcome rest = command("mixture", with(excluding, "--samples", "64"));
    assertEquals(0, rest.exit(), rest.err());
    assertTrue(Pattern.compile("leaked +25\\.0 % .* 1  ").matcher(rest.out()).find(), rest.out());
    assertTrue(Pattern.compile("leaked +1 +1 ").matcher(command("dedup", excluding).out()).find());
  }

  @Test
  void whatCouldNotBeLookedForIsTold() throws Exception {
    Path gone =
        Files.writeString(
            folder.resolve("gone.jsonl"), "{\"image\": \"gone.png\", \"suffix\": \"a\"}\n");
    Path html = folder.resolve("unread.html");
    Outcome outcome =
        command(
            "dedup",
            "--html",
            html.toString(),
            "--set",
            "suites.heldout.tasks.caption.source={jsonl: %s}".formatted(gone));
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("NOT searched for: 1 of those examples"), outcome.out());
    assertTrue(Files.readString(html).contains("<dt>not searched for</dt><dd>1<"));
  }

  private static String[] with(String[] some, String... more) {
    return Stream.concat(Stream.of(some), Stream.of(more)).toArray(String[]::new);
  }

  // ---- The command line and the browser

  private Outcome command(String name, String... options) {
    List<String> args = new ArrayList<>(List.of(name, recipe.toString()));
    args.addAll(List.of("--out", folder.resolve("run").toString()));
    args.addAll(List.of(options));
    return Outcome.of(args.toArray(String[]::new));
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }
}
