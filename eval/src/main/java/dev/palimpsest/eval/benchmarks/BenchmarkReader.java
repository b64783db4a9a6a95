package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.configs.BenchmarkConfig;
import dev.palimpsest.configs.BenchmarkConfig.Data;
import dev.palimpsest.configs.BenchmarkFormat;
import dev.palimpsest.mixtures.Example;
import dev.palimpsest.mixtures.ImageReference;
import dev.palimpsest.mixtures.ImageSteps;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A benchmark's definition and a folder of files to questions. */
public final class BenchmarkReader {
  private final BenchmarkConfig benchmark;
  private final Path folder;

  /**
   * A reader.
   *
   * @param folder the data folder, to which all files of the definition are relative
   */
  public BenchmarkReader(BenchmarkConfig benchmark, Path folder) {
    this.benchmark = benchmark;
    this.folder = folder;
  }

  /**
   * Every example of the benchmark's split, in the order of its files.
   *
   * @throws BenchmarkFormatException when files are missing (says which, and where they are usually
   *     had) or are not in their published form
   * @throws UncheckedIOException when they cannot be read
   */
  public List<Question> questions() {
    Data data = data();
    try {
      PromptTemplate prompt = new PromptTemplate(benchmark.prompt(), benchmark.choiceSeparator());
      String reference = benchmark.reference();
      PromptTemplate answer =
          reference == null ? null : new PromptTemplate(reference, benchmark.choiceSeparator());
      List<Question> questions = new ArrayList<>();
      RotationTable rotations = rotations(data);
      for (Located located : located(data)) {
        BenchmarkExample example = located.example();
        List<String> references =
            answer == null ? example.references() : List.of(answer.of(example));
        if (benchmark.dropEmptyReferences() && !references.isEmpty()) {
          references = references.stream().filter(text -> !text.isEmpty()).toList();
          if (references.isEmpty()) {
            continue;
          }
        }
        Map<String, JsonNode> fields = new LinkedHashMap<>(example.fields());
        fields.put("image", TextNode.valueOf(String.join(" ", example.images())));
        questions.add(
            new Question(
                new Example(
                    example.id(),
                    rotations == null ? located.images() : turned(located, rotations),
                    prompt.of(example),
                    references.isEmpty() ? "" : references.get(0),
                    references,
                    steps(data, example)),
                fields));
      }
      requireUnique(questions);
      if (questions.isEmpty()) {
        throw new BenchmarkFormatException(
            "%s: no example of split %s in %s"
                .formatted(benchmark.name(), benchmark.split(), data.files().values()));
      }
      return questions;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + benchmark.name(), e);
    }
  }

  private ImageSteps steps(Data data, BenchmarkExample example) throws IOException {
    return data.format() == BenchmarkFormat.WIDGET_CAPTION
        ? ImageSteps.outlined(WidgetOutline.of(file(data, "views"), example))
        : ImageSteps.NONE;
  }

  private @Nullable RotationTable rotations(Data data) throws IOException {
    String name = data.rotations();
    return name == null || !Files.exists(folder.resolve(name))
        ? null
        : RotationTable.read(folder.resolve(name));
  }

  private static List<ImageReference> turned(Located located, RotationTable rotations) {
    JsonNode id = located.example().fields().get("image_id");
    return id == null
        ? located.images()
        : located.images().stream().map(image -> image.turned(rotations.of(id.asText()))).toList();
  }

  /** What a reader of a score should know of the files that were read. */
  public List<String> notes() {
    Data data = data();
    List<String> notes = new ArrayList<>();
    String rotations = data.rotations();
    if (rotations != null && !Files.exists(folder.resolve(rotations))) {
      notes.add(
          "%s is not there: pictures are seen as they are stored, also those that it would turn"
              .formatted(rotations));
    }
    if (data.format() == BenchmarkFormat.ST_VQA && !Files.isDirectory(wholeSize())) {
      notes.add(
          "coco/train2014 is not there: pictures of COCO-Text are the archive's small copies, where"
              + " big_vision takes COCO's own");
    }
    return notes;
  }

  /** Answers are kept, joined and scored by id: two questions of one id would share one answer. */
  private void requireUnique(List<Question> questions) {
    Set<String> ids = new HashSet<>();
    Set<String> twice = new LinkedHashSet<>();
    for (Question question : questions) {
      if (!ids.add(question.example().id())) {
        twice.add(question.example().id());
      }
    }
    if (!twice.isEmpty()) {
      throw new BenchmarkFormatException(
          "%s: ids must be unique in %s, given more than once: %s%s"
              .formatted(
                  benchmark.name(),
                  data().files().values(),
                  twice.stream().limit(5).collect(Collectors.joining(", ")),
                  twice.size() > 5 ? " and %d more".formatted(twice.size() - 5) : ""));
    }
  }

  /**
   * A template with an example's fields filled in; {@code {question}} is the field of that name.
   *
   * @throws BenchmarkFormatException when the example lacks a field
   */
  public static String prompt(String template, String id, Map<String, JsonNode> fields) {
    JsonNode question = fields.get("question");
    return new PromptTemplate(template, " \t ")
        .of(
            new BenchmarkExample(
                id, List.of(), question == null ? "" : question.asText(), List.of(), fields));
  }

  /**
   * The prompt of a made-up example, for readers without the files. Fields that no shipped
   * benchmark has stay as they are in the template.
   */
  public static String samplePrompt(BenchmarkConfig benchmark) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    PromptTemplate prompt = new PromptTemplate(benchmark.prompt(), benchmark.choiceSeparator());
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    prompt.names().forEach(name -> fields.put(name, nodes.textNode("{" + name + "}")));
    fields.put("language", nodes.textNode("de"));
    fields.put("choices", nodes.arrayNode().add("teal").add("red"));
    fields.put("answer_index", nodes.numberNode(0));
    fields.put("options", nodes.textNode("(a) Teal (b) Red"));
    fields.put("hint", nodes.textNode("A kettle is on a stove."));
    return prompt.of(
        new BenchmarkExample(
            "made up", List.of(), "What colour is the kettle?", List.of(), fields));
  }

  /** The first form of the files that is complete. */
  public Data data() {
    for (Data data : benchmark.data()) {
      if (missing(data).isEmpty()) {
        return data;
      }
    }
    StringBuilder message =
        new StringBuilder(
            "benchmark %s: its files are not in %s".formatted(benchmark.name(), folder));
    String or = "";
    for (Data data : benchmark.data()) {
      message.append("\n  %smissing: %s".formatted(or, String.join(", ", missing(data))));
      message.append("\n  usually had from ").append(data.from());
      or = "or ";
    }
    throw new BenchmarkFormatException(message.toString());
  }

  /** The files that are read, pictures and folders of small files aside. */
  public List<Path> files() {
    return Stream.concat(data().files().values().stream(), Stream.ofNullable(data().rotations()))
        .flatMap(name -> paths(name).stream())
        .filter(Files::isRegularFile)
        .toList();
  }

  private List<String> missing(Data data) {
    List<String> missing = new ArrayList<>();
    data.files().values().stream().filter(name -> paths(name).isEmpty()).forEach(missing::add);
    String images = data.images();
    if (images != null && !Files.isDirectory(folder.resolve(images))) {
      missing.add(images + "/");
    }
    return missing;
  }

  /** The files of a name whose last part may hold a {@code *}, sorted. */
  private List<Path> paths(String name) {
    Path path = folder.resolve(name);
    if (name.indexOf('*') < 0) {
      return Files.exists(path) ? List.of(path) : List.of();
    }
    Path parent = Objects.requireNonNull(path.getParent());
    if (!Files.isDirectory(parent)) {
      return List.of();
    }
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + path.getFileName());
    try (Stream<Path> all = Files.list(parent)) {
      return all.filter(p -> matcher.matches(p.getFileName())).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + parent, e);
    }
  }

  /** An example and its pictures. */
  private record Located(BenchmarkExample example, List<ImageReference> images) {}

  private List<Located> located(Data data) throws IOException {
    List<Located> located = new ArrayList<>();
    if (data.format() == BenchmarkFormat.PARQUET
        || data.format() == BenchmarkFormat.COUNT_BENCH_QA) {
      Path rows = file(data, "rows");
      for (ParquetFiles.Pictured pictured :
          data.format() == BenchmarkFormat.PARQUET
              ? ParquetFiles.read(rows, data.fields())
              : ParquetFiles.countBench(rows, file(data, "questions"))) {
        located.add(new Located(pictured.example(), pictured.images()));
      }
      return located;
    }
    for (BenchmarkExample example : examples(data)) {
      boolean kept = true;
      for (Map.Entry<String, List<String>> keep : data.keep().entrySet()) {
        JsonNode field = example.fields().get(keep.getKey());
        kept &= field != null && keep.getValue().contains(field.asText());
      }
      if (kept) {
        located.add(new Located(example, pictures(data, example)));
      }
    }
    return located;
  }

  private List<ImageReference> pictures(Data data, BenchmarkExample example) {
    Path images = folder.resolve(Objects.requireNonNullElse(data.images(), ""));
    if (benchmark.frames() > 0) {
      return frames(images.resolve(example.images().get(0)));
    }
    String copies = "coco-text/";
    if (data.format() == BenchmarkFormat.ST_VQA
        && example.images().get(0).startsWith(copies)
        && Files.isDirectory(wholeSize())) {
      // As in big_vision (datasets/stvqa/stvqa.py:124).
      String name = example.images().get(0).substring(copies.length());
      return List.of(ImageReference.file(picture(wholeSize(), name)));
    }
    return example.images().stream()
        .map(name -> ImageReference.file(picture(images, name)))
        .toList();
  }

  /** Where COCO's own pictures are, of which ST-VQA's archive holds small copies. */
  private Path wholeSize() {
    return folder.resolve("coco/train2014");
  }

  /**
   * A picture's file. Archives that were packed or unpacked elsewhere may hold names with accents
   * in composed or decomposed form; either is the name.
   */
  private Path picture(Path images, String name) {
    Path file;
    try {
      file = images.resolve(name);
    } catch (InvalidPathException e) {
      throw new BenchmarkFormatException(
          ("benchmark %s: '%s' cannot be the name of a picture here: %s; names beyond ASCII need a"
                  + " UTF-8 locale, such as LC_ALL=C.UTF-8")
              .formatted(benchmark.name(), name, e.getReason()));
    }
    Path inside = file.normalize();
    boolean leaves = !Path.of(name).isAbsolute() && !inside.startsWith(images.normalize());
    if (name.isBlank() || leaves || inside.equals(images.normalize())) {
      throw new BenchmarkFormatException(
          "benchmark %s: '%s' is no picture in %s".formatted(benchmark.name(), name, images));
    }
    if (name.chars().allMatch(c -> c < 128) || Files.exists(file)) {
      return file;
    }
    return Stream.of(Normalizer.Form.NFC, Normalizer.Form.NFD)
        .map(form -> images.resolve(Normalizer.normalize(name, form)))
        .filter(Files::exists)
        .findFirst()
        .orElse(file);
  }

  /**
   * A video's frames: every so many-th; a video that is too short begins again, as in big_vision.
   */
  private List<ImageReference> frames(Path video) {
    if (!Files.isDirectory(video)) {
      throw new BenchmarkFormatException(
          "benchmark %s: there is no folder of frames %s".formatted(benchmark.name(), video));
    }
    List<Path> all;
    try (Stream<Path> files = Files.list(video)) {
      all = files.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + video, e);
    }
    List<ImageReference> strided = new ArrayList<>();
    for (int i = 0; i < all.size(); i += benchmark.frameStride()) {
      strided.add(ImageReference.file(all.get(i)));
    }
    if (strided.isEmpty()) {
      throw new BenchmarkFormatException(video + ": a video without frames");
    }
    List<ImageReference> frames = new ArrayList<>();
    for (int i = 0; i < benchmark.frames(); i++) {
      frames.add(strided.get(i % strided.size()));
    }
    return frames;
  }

  private List<BenchmarkExample> examples(Data data) throws IOException {
    return switch (data.format()) {
      case COCO_CAPTIONS -> CaptionFiles.coco(file(data, "annotations"));
      case KARPATHY -> CaptionFiles.karpathy(file(data, "dataset"));
      case TEXT_CAPS -> CaptionFiles.textCaps(file(data, "annotations"));
      case SCI_CAP -> FolderFiles.sciCap(file(data, "list"), file(data, "captions"));
      case SCREEN2WORDS ->
          FolderFiles.ofScreens(
              CaptionFiles.screenSummaries(file(data, "summaries")), file(data, "screens"));
      case WIDGET_CAPTION ->
          FolderFiles.ofScreens(
              CaptionFiles.widgetCaptions(file(data, "captions")), file(data, "screens"));
      case CROSSMODAL -> MultilingualFiles.crossmodal(file(data, "captions"));
      case COCO35L -> MultilingualFiles.coco35l(file(data, "captions"), file(data, "dataset"));
      case VQA -> QuestionFiles.vqa(file(data, "questions"), file(data, "annotations"));
      case TEXT_VQA -> QuestionFiles.textVqa(file(data, "annotations"));
      case VIZ_WIZ -> QuestionFiles.vizWiz(file(data, "annotations"));
      case DOC_VQA -> QuestionFiles.docVqa(file(data, "annotations"));
      case ST_VQA -> QuestionFiles.stVqa(file(data, "annotations"));
      case CHART_QA -> each(data, "split", QuestionFiles::chartQa);
      case GQA -> QuestionFiles.gqa(file(data, "questions"));
      case XGQA -> MultilingualFiles.xGqa(files(data));
      case A_OKVQA -> QuestionFiles.aokVqa(file(data, "annotations"));
      case SCIENCE_QA -> scienceQa(data);
      case AI2D -> FolderFiles.ai2d(file(data, "questions"), file(data, "test"));
      case TALLY_QA -> QuestionFiles.tallyQa(file(data, "questions"));
      case COUNT_BENCH_QA, PARQUET -> throw new IllegalStateException("read with their pictures");
      case OCR_VQA -> QuestionFiles.ocrVqa(file(data, "dataset"));
      case NLVR2 -> QuestionFiles.nlvr2(file(data, "questions"));
      case MARVL -> MultilingualFiles.marvl(files(data));
      case RSVQA ->
          FolderFiles.rsvqa(
              file(data, "questions"),
              file(data, "answers"),
              folder.resolve(Objects.requireNonNullElse(data.images(), "")));
      case POPE -> each(data, "category", QuestionFiles::pope);
      case MMVP -> FolderFiles.mmvp(file(data, "questions"));
      case REF_COCO -> RefCocoFiles.read(file(data, "refs"), file(data, "instances"));
      case MSRVTT -> VideoFiles.msrVtt(file(data, "annotations"));
      case VATEX -> VideoFiles.vatex(file(data, "annotations"));
      case ACTIVITYNET_CAPTIONS -> VideoFiles.activityNetCaptions(file(data, "annotations"));
      case VIDEO_QA ->
          VideoFiles.questions(
              file(data, "questions"),
              folder.resolve(Objects.requireNonNullElse(data.images(), "")));
      case ACTIVITYNET_QA ->
          VideoFiles.activityNetQuestions(file(data, "questions"), file(data, "answers"));
      case JSON_LINES -> QuestionFiles.jsonLines(file(data, "rows"));
    };
  }

  /** Problems with a picture; its name is the folder of the problem and the file in it. */
  private List<BenchmarkExample> scienceQa(Data data) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (BenchmarkExample example : QuestionFiles.scienceQa(file(data, "problems"))) {
      if (!example.images().isEmpty()) {
        examples.add(
            new BenchmarkExample(
                example.id(),
                List.of(example.id() + "/" + example.images().get(0)),
                example.question(),
                example.references(),
                example.fields()));
      }
    }
    return examples;
  }

  private interface OneFile {
    List<BenchmarkExample> read(Path file) throws IOException;
  }

  /** Files of one form; a file's name in the definition becomes a field and makes ids unique. */
  private List<BenchmarkExample> each(Data data, String field, OneFile form) throws IOException {
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Map.Entry<String, Path> file : files(data).entrySet()) {
      for (BenchmarkExample example : form.read(file.getValue())) {
        examples.add(
            example.with(
                file.getKey() + "-" + example.id().replaceFirst("^" + file.getKey() + "_", ""),
                Map.of(field, TextNode.valueOf(file.getKey()))));
      }
    }
    return examples;
  }

  private Path file(Data data, String name) {
    return folder.resolve(Objects.requireNonNull(data.files().get(name), name));
  }

  private Map<String, Path> files(Data data) {
    Map<String, Path> files = new LinkedHashMap<>();
    data.files().forEach((name, file) -> files.put(name, folder.resolve(file)));
    return files;
  }
}
