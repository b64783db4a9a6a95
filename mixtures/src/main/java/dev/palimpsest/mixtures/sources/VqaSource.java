package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.JsonElements;
import dev.palimpsest.mixtures.formats.JsonElements.ListOf;
import dev.palimpsest.mixtures.formats.JsonValues;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Questions in VQAv2's format, one example per question: {@code {question_id, image_id, question,
 * answers: [text]}}, with {@code question_type}, {@code answer_type} and {@code
 * multiple_choice_answer} where the annotations have them.
 *
 * <p>The fingerprint covers every byte of both files and, for every question's image, its name and
 * size in bytes, but not its pixels.
 */
final class VqaSource implements ExampleSource {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final List<String> MORE =
      List.of("question_type", "answer_type", "multiple_choice_answer");

  private final Path questionFile;
  private final @Nullable Path annotationFile;
  private final Path images;
  private final JsonElements questions;
  private final @Nullable JsonElements annotations;
  private final List<String> ids = new ArrayList<>();
  private final List<String> names = new ArrayList<>();
  private final FileRanges.ByOwner asked;
  private final FileRanges.ByOwner answered;

  private VqaSource(
      Path questionFile,
      JsonElements questions,
      @Nullable Path annotationFile,
      @Nullable JsonElements annotations,
      Path images)
      throws IOException {
    this.questionFile = questionFile;
    this.questions = questions;
    this.annotationFile = annotationFile;
    this.annotations = annotations;
    this.images = images;
    Map<String, Integer> byId = new HashMap<>();
    Map<String, String> texts = new HashMap<>();
    List<String> imageIds = new ArrayList<>();
    FileRanges found = new FileRanges();
    OmissionCounter repeated = new OmissionCounter("question %s listed again");
    OmissionCounter unknown = new OmissionCounter("annotation of question %s, which is not listed");
    questions.scan(
        Map.of(
            "questions",
            new ListOf(
                List.of("question_id", "image_id"),
                (start, length, values) -> {
                  if (values[0] == null || values[1] == null) {
                    throw new MalformedFileException(
                        "%s, byte %d: a question without question_id or image_id"
                            .formatted(questionFile, start));
                  }
                  if (byId.putIfAbsent(values[0], ids.size()) != null) {
                    repeated.add(values[0]);
                    return;
                  }
                  found.add(ids.size(), start, length);
                  ids.add(values[0]);
                  imageIds.add(values[1]);
                })),
        texts);
    if (ids.isEmpty()) {
      throw new MalformedFileException("source " + questionFile + " holds no question");
    }
    String subset = texts.getOrDefault("data_subtype", "");
    imageIds.forEach(id -> names.add(CocoNames.picture(subset, id)));
    asked = found.byOwner(ids.size());
    FileRanges answers = new FileRanges();
    if (annotations != null) {
      annotations.scan(
          Map.of(
              "annotations",
              new ListOf(
                  List.of("question_id"),
                  (start, length, values) -> {
                    String id = String.valueOf(values[0]);
                    Integer question = byId.get(id);
                    if (question != null) {
                      answers.add(question, start, length);
                    } else {
                      unknown.add(id);
                    }
                  })),
          new HashMap<>());
    }
    answered = answers.byOwner(ids.size());
    repeated.log(questionFile);
    unknown.log(annotationFile == null ? questionFile : annotationFile);
  }

  static VqaSource open(SourceConfig.Vqa config) {
    Path questionFile = Path.of(config.questions());
    Path annotationFile = config.annotations() == null ? null : Path.of(config.annotations());
    JsonElements questions = null;
    JsonElements annotations = null;
    try {
      questions = JsonElements.open(questionFile);
      annotations = annotationFile == null ? null : JsonElements.open(annotationFile);
      return new VqaSource(
          questionFile,
          questions,
          annotationFile,
          annotations,
          SourceFiles.folder(config.images(), questionFile));
    } catch (IOException e) {
      close(questions);
      close(annotations);
      throw new UncheckedIOException("cannot read source " + questionFile, e);
    } catch (RuntimeException e) {
      close(questions);
      close(annotations);
      throw e;
    }
  }

  @Override
  public long size() {
    return ids.size();
  }

  @Override
  public Row row(long index) {
    int position = Math.toIntExact(index);
    try {
      ObjectNode question = questions.read(asked.starts()[position], asked.lengths()[position]);
      ObjectNode fields = JSON.objectNode();
      fields.set("question_id", JsonValues.wholeId(question.path("question_id")));
      fields.set("image_id", JsonValues.wholeId(question.path("image_id")));
      fields.set("question", question.path("question"));
      if (annotations != null) {
        if (answered.count(position) == 0) {
          throw new IllegalArgumentException(annotationFile + " has no annotation of it");
        }
        int first = answered.first()[position];
        ObjectNode annotation =
            annotations.read(answered.starts()[first], answered.lengths()[first]);
        ArrayNode answers = fields.putArray("answers");
        for (JsonNode answer : annotation.path("answers")) {
          answers.add(answer.isTextual() ? answer : answer.path("answer"));
        }
        MORE.stream()
            .filter(annotation::hasNonNull)
            .forEach(field -> fields.set(field, annotation.get(field)));
      }
      Path picture = SourceFiles.pictureWithin(images, names.get(position));
      return new Row(
          questionFile.getFileName() + ":" + ids.get(position),
          List.of(ImageReference.file(picture)),
          fields);
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException(
          "%s, question %s: %s".formatted(questionFile, ids.get(position), e.getMessage()), e);
    }
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest();
    SourceFiles.addWhole(digest, questionFile);
    if (annotationFile != null) {
      SourceFiles.addWhole(digest.add(1), annotationFile);
    }
    for (String name : names) {
      SourceFiles.addPictureWithin(digest, name, images, name);
    }
    return digest.hex();
  }

  @Override
  public void close() {
    close(questions);
    close(annotations);
  }

  private static void close(@Nullable JsonElements json) {
    try {
      if (json != null) {
        json.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close a source of questions", e);
    }
  }
}
