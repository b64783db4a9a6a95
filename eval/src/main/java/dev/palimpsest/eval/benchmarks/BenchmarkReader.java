package dev.palimpsest.eval.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.configs.evaluation.BenchmarkConfig;
import dev.palimpsest.configs.evaluation.BenchmarkConfig.Data;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads a benchmark's questions from its definition and a folder of files. */
public final class BenchmarkReader {
  private final BenchmarkConfig benchmark;
  private final Path folder;

  /**
   * Creates a reader.
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
   * @throws BenchmarkFormatException when files are missing (the message says which, and where they
   *     are available from) or are not in their published form
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
      BenchmarkFiles files = files(data);
      for (BenchmarkExample example : BenchmarkForms.of(data.format()).read(files)) {
        if (!isKept(data, example)) {
          continue;
        }
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
                    turned(example, pictures(files, example), rotations),
                    prompt.of(example),
                    references.isEmpty() ? "" : references.get(0),
                    references,
                    example.steps()),
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

  private @Nullable RotationTable rotations(Data data) throws IOException {
    String name = data.rotations();
    return name == null || !Files.exists(folder.resolve(name))
        ? null
        : RotationTable.read(folder.resolve(name));
  }

  private static List<ImageReference> turned(
      BenchmarkExample example, List<ImageReference> pictures, @Nullable RotationTable rotations) {
    JsonNode id = example.fields().get("image_id");
    return rotations == null || id == null
        ? pictures
        : pictures.stream().map(picture -> picture.turned(rotations.of(id.asText()))).toList();
  }

  /** What a reader of a score should know about the files that were read. */
  public List<String> notes() {
    Data data = data();
    List<String> notes = new ArrayList<>();
    String rotations = data.rotations();
    if (rotations != null && !Files.exists(folder.resolve(rotations))) {
      notes.add(
          "%s is missing: pictures are seen as they are stored, including those that it would rotate"
              .formatted(rotations));
    }
    notes.addAll(BenchmarkForms.of(data.format()).notes(files(data)));
    return notes;
  }

  /**
   * Checks that ids are unique. Answers are stored, joined and scored by id, so two questions with
   * the same id would share an answer.
   */
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
   * benchmark has are left as in the template.
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

  /** What is missing in the layout that lacks least; empty if one is complete. */
  public List<String> missing() {
    return benchmark.data().stream()
        .map(data -> files(data).missing())
        .min(Comparator.comparingInt(List::size))
        .orElse(List.of());
  }

  /** The first layout of the files that is complete. */
  public Data data() {
    for (Data data : benchmark.data()) {
      if (files(data).missing().isEmpty()) {
        return data;
      }
    }
    StringBuilder message =
        new StringBuilder(
            "benchmark %s: its files are not in %s".formatted(benchmark.name(), folder));
    String or = "";
    for (Data data : benchmark.data()) {
      message.append("\n  %smissing: %s".formatted(or, String.join(", ", files(data).missing())));
      message.append("\n  available from ").append(data.from());
      or = "or ";
    }
    throw new BenchmarkFormatException(message.toString());
  }

  /** The files that are read, except pictures and folders of small files. */
  public List<Path> files() {
    return files(data()).listed();
  }

  private BenchmarkFiles files(Data data) {
    return new BenchmarkFiles(benchmark.name(), folder, data);
  }

  private static boolean isKept(Data data, BenchmarkExample example) {
    for (Map.Entry<String, List<String>> keep : data.keep().entrySet()) {
      JsonNode field = example.fields().get(keep.getKey());
      if (field == null || !keep.getValue().contains(field.asText())) {
        return false;
      }
    }
    return true;
  }

  private List<ImageReference> pictures(BenchmarkFiles files, BenchmarkExample example) {
    List<ImageReference> known = example.pictures();
    if (known != null) {
      return known;
    }
    Path folderOfPictures = files.pictures();
    return benchmark.frames() > 0
        ? frames(folderOfPictures.resolve(example.images().get(0)))
        : example.images().stream().map(name -> files.picture(folderOfPictures, name)).toList();
  }

  /**
   * A video's frames at the benchmark's stride; a video that is too short is repeated from the
   * start, as in big_vision.
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
}
