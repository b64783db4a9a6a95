package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.html.Html;
import dev.palimpsest.cli.reports.RunData.StageData;
import dev.palimpsest.configs.data.TaskType;
import dev.palimpsest.files.Escape;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Some questions of each suite, with the answers at each stage beside each other. */
final class SampleAnswers {
  private static final int QUESTIONS = 3;
  private static final int READ = 24;

  private final RunData run;
  private final @Nullable SegmentationTokens codec;
  private final StringBuilder out = new StringBuilder();

  private SampleAnswers(RunData run) {
    this.run = run;
    this.codec = codec(run);
  }

  static String of(RunData run) {
    SampleAnswers answers = new SampleAnswers(run);
    answers.write();
    return answers.out.isEmpty()
        ? "<p class=\"lead\">There are no answers yet.</p>\n"
        : answers.out.toString();
  }

  private static @Nullable SegmentationTokens codec(RunData run) {
    return run.recipe().tasks().values().stream()
        .map(task -> task.type() instanceof TaskType.Segment segment ? segment.vae() : null)
        .filter(file -> file != null && Files.isRegularFile(Path.of(file)))
        .findFirst()
        .map(file -> SegmentationTokens.load(Path.of(file)))
        .orElse(null);
  }

  /** Answers of one task: by the moment's name, then by the question's id. */
  private void write() {
    Map<String, Map<String, Map<String, JsonNode>>> byTask = new LinkedHashMap<>();
    for (StageData stage : run.stages()) {
      for (String moment : stage.scores().keySet()) {
        for (String suite : stage.scores().get(moment).keySet()) {
          Path folder = stage.folder().resolve("predictions").resolve(moment + "." + suite);
          String column =
              stage.config().name()
                  + (moment.equals("after") ? "" : " " + moment.replaceFirst("^at-0*", "at "));
          for (Path file : files(folder)) {
            String task = String.valueOf(file.getFileName()).replaceFirst("\\.jsonl$", "");
            byTask
                .computeIfAbsent(suite + ": " + task, name -> new LinkedHashMap<>())
                .put(column, lines(file));
          }
        }
      }
    }
    byTask.forEach(this::task);
  }

  private static List<Path> files(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".jsonl")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + folder, e);
    }
  }

  /** The first answers of a file, by id. */
  private static Map<String, JsonNode> lines(Path file) {
    Map<String, JsonNode> lines = new LinkedHashMap<>();
    try (BufferedReader in = Files.newBufferedReader(file)) {
      for (String line = in.readLine(); line != null && lines.size() < READ; line = in.readLine()) {
        JsonNode answer = Json.STRICT.readTree(line);
        lines.put(answer.path("id").asText(), answer);
      }
    } catch (JsonProcessingException e) {
      return lines; // the last line may be only partly written
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
    return lines;
  }

  private void task(String name, Map<String, Map<String, JsonNode>> columns) {
    Set<String> questions = new LinkedHashSet<>();
    // Questions whose answer changes come first, because they tell more, and so do those about
    // pictures not shown yet.
    Map<String, JsonNode> last = new ArrayList<>(columns.values()).get(columns.size() - 1);
    Set<String> pictures = new HashSet<>();
    last.keySet().stream()
        .filter(id -> changes(id, columns))
        .filter(id -> pictures.add(image(last, id)))
        .forEach(questions::add);
    last.keySet().stream().filter(id -> pictures.add(image(last, id))).forEach(questions::add);
    questions.addAll(last.keySet());
    out.append(
        Html.format(
            "<article class=\"card\"><h3>%s</h3><ul class=\"asked\">%n", Escape.html(name)));
    questions.stream().limit(QUESTIONS).forEach(id -> question(id, columns));
    out.append("</ul></article>\n");
  }

  private static String image(Map<String, JsonNode> answers, String id) {
    return Objects.requireNonNull(answers.get(id), id).path("image").asText();
  }

  private static boolean changes(String id, Map<String, Map<String, JsonNode>> columns) {
    return columns.values().stream()
            .filter(answers -> answers.containsKey(id))
            .map(answers -> answers.get(id).path("prediction").asText())
            .distinct()
            .count()
        > 1;
  }

  private void question(String id, Map<String, Map<String, JsonNode>> columns) {
    JsonNode any =
        columns.values().stream()
            .filter(answers -> answers.containsKey(id))
            .map(answers -> answers.get(id))
            .findFirst()
            .orElseThrow();
    List<String> references = new ArrayList<>();
    any.path("references").forEach(reference -> references.add(reference.asText()));
    Map<String, String> answers = new LinkedHashMap<>();
    columns.forEach(
        (column, of) -> {
          JsonNode answer = of.get(id);
          if (answer != null) {
            answers.put(column, answer.path("prediction").asText());
          }
        });
    out.append(
        QuestionCard.html(
            codec,
            id,
            any.path("prompt").asText(),
            references,
            any.path("image").asText(),
            answers));
  }
}
