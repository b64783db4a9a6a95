package dev.palimpsest.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.eval.benchmarks.Question;
import dev.palimpsest.eval.decoding.Answer;
import dev.palimpsest.eval.decoding.Likelihood;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A task's answers, one JSON object per line, in the form that {@code palimpsest score} reads.
 * Answers are appended and synced as they are made, so that an evaluation that was killed can be
 * resumed. A line belongs to a question only if its key is the same: task and version, prompt,
 * pictures, decode settings, image steps, model. Lines with another key are moved to {@code
 * TASK.old.jsonl}; a truncated last line is dropped.
 */
final class PredictionFile implements AutoCloseable {
  private static final double LOSS_DIGITS = 1e4;

  private final Path file;
  private final List<Question> questions;
  private final List<ObjectNode> keys;
  private final Map<String, ObjectNode> lines = new LinkedHashMap<>();
  private final int syncEvery;
  private final FileChannel out;
  private int unsynced;

  /**
   * An answer as recorded in a line.
   *
   * @param text as decoded
   * @param truncated whether the token limit truncated it
   * @param tokens number of tokens of the reference; 0 if it was not scored
   * @param hits how many of them were the most likely
   * @param loss their mean negative log-likelihood; not a number if it was not scored
   */
  record Saved(String text, boolean truncated, long tokens, long hits, double loss) {
    /** Of an answer with at most one scored reference. */
    static Saved of(Answer answer) {
      long tokens = 0;
      long hits = 0;
      double loss = Double.NaN;
      for (Likelihood likelihood : answer.likelihoods()) {
        tokens = likelihood.likeliest().length;
        for (boolean likeliest : likelihood.likeliest()) {
          hits += likeliest ? 1 : 0;
        }
        double sum = 0;
        for (float logProbability : likelihood.logProbabilities()) {
          sum -= logProbability;
        }
        // Its last bits depend on the batch in which it was computed, and answers may not.
        double mean = sum / likelihood.logProbabilities().length;
        loss = Double.isFinite(mean) ? Math.round(mean * LOSS_DIGITS) / LOSS_DIGITS : Double.NaN;
      }
      return new Saved(answer.text(), answer.decoded().isTruncated(), tokens, hits, loss);
    }
  }

  /**
   * Opens a task's file and reads existing answers.
   *
   * @param keys the key of each question
   * @param syncEvery number of answers between two syncs
   */
  PredictionFile(
      Path folder, String task, List<Question> questions, List<ObjectNode> keys, int syncEvery) {
    // A task may have any name; a file may not.
    String name = task.replaceAll("[^A-Za-z0-9._-]", "_");
    this.file = folder.resolve(name + ".jsonl");
    this.questions = questions;
    this.keys = keys;
    this.syncEvery = syncEvery;
    try {
      Files.createDirectories(folder);
      takeOver(folder.resolve(name + ".old.jsonl"));
      out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open " + file, e);
    }
  }

  private void takeOver(Path old) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    Map<String, ObjectNode> wanted = new LinkedHashMap<>();
    for (int i = 0; i < questions.size(); i++) {
      wanted.put(questions.get(i).example().id(), keys.get(i));
    }
    StringBuilder others = new StringBuilder();
    // Not readString: a kill may have truncated a line in the middle of a character.
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    for (String line : text.split("\n")) {
      ObjectNode object = parsed(line);
      if (object == null) {
        continue; // truncated by a kill, or empty
      }
      String id = object.path("id").asText();
      if (object.path("key").equals(wanted.get(id))) {
        lines.put(id, object);
      } else {
        others.append(line).append('\n');
      }
    }
    if (others.length() > 0) {
      String before = Files.exists(old) ? Files.readString(old) : "";
      Durable.file(old, (before + others).getBytes(StandardCharsets.UTF_8));
    }
    rewrite(List.copyOf(lines.values()));
  }

  private static @Nullable ObjectNode parsed(String line) {
    try {
      return Json.STRICT.readTree(line) instanceof ObjectNode object ? object : null;
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  /** Whether a question has its answer. */
  boolean has(int question) {
    return lines.containsKey(questions.get(question).example().id());
  }

  /** A question's answer, which must exist. */
  Saved answer(int question) {
    JsonNode line =
        Objects.requireNonNull(lines.get(questions.get(question).example().id()), "no answer yet");
    return new Saved(
        line.path("prediction").asText(),
        line.path("truncated").asBoolean(),
        line.path("referenceTokens").asLong(),
        line.path("referenceTokensLikeliest").asLong(),
        line.path("referenceLoss").asDouble(Double.NaN));
  }

  /** Appends an answer. */
  void add(int question, Saved answer) {
    Question asked = questions.get(question);
    ObjectNode line = Json.STRICT.createObjectNode();
    line.put("id", asked.example().id());
    line.put("prompt", asked.example().prefix());
    line.put("prediction", answer.text());
    line.put("truncated", answer.truncated());
    line.put("correct", asked.example().references().contains(answer.text()));
    asked.example().references().forEach(line.putArray("references")::add);
    if (answer.tokens() > 0) {
      line.put("referenceTokens", answer.tokens());
      line.put("referenceTokensLikeliest", answer.hits());
      if (Double.isFinite(answer.loss())) {
        line.put("referenceLoss", answer.loss());
      }
    }
    asked
        .fields()
        .forEach(
            (name, value) -> {
              if (!line.has(name)) {
                line.set(name, value);
              }
            });
    line.set("key", keys.get(question));
    lines.put(asked.example().id(), line);
    try {
      ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      if (++unsynced >= syncEvery) {
        out.force(false);
        unsynced = 0;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot append to " + file, e);
    }
  }

  /** Rewrites the complete file in the order of the questions. */
  void finish() {
    rewrite(
        questions.stream()
            .map(q -> Objects.requireNonNull(lines.get(q.example().id()), q.example().id()))
            .toList());
  }

  private void rewrite(List<ObjectNode> inOrder) {
    StringBuilder text = new StringBuilder();
    inOrder.forEach(line -> text.append(line).append('\n'));
    Durable.file(file, text.toString().getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    try {
      out.force(false);
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close " + file, e);
    }
  }
}
