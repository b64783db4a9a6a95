package dev.palimpsest.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.eval.PredictionFile.Saved;
import dev.palimpsest.eval.decoding.Answerer;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.tasks.Example;
import dev.palimpsest.model.ranks.Collectives;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The division of a task's questions among ranks. In round j, rank r answers batch j x ranks + r of
 * those that one process would answer; then every rank knows the round's answers. Batches follow
 * one another by length, so that ranks have equally much to do.
 */
record Dealt(Collectives ranks) {
  /**
   * What the first rank tells the others while they wait.
   *
   * @param task whose questions they are to answer with it; empty: the evaluation is over
   * @param open indices of the questions that have no answer yet
   */
  record Order(String task, List<Integer> open) {
    static final Order END = new Order("", List.of());

    boolean ends() {
      return task.isEmpty();
    }
  }

  /**
   * A rank's part of a round.
   *
   * @param questions places in the list of examples
   * @param answers to them
   * @param failure why there are none; null if there are
   */
  record Part(List<Integer> questions, List<Saved> answers, @Nullable String failure) {
    static final Part NONE = new Part(List.of(), List.of(), null);
  }

  /** Every rank calls this; the others receive what the first one gives. */
  Order announced(Order order) {
    return ranks.isAlone() ? order : read(ranks.announced(bytes(order)), Order.class);
  }

  /**
   * Answers examples together with the other ranks, which call this with the same ones.
   *
   * @param candidates as in {@link Answerer#answer}
   * @param before each round; if it throws on one rank, it must throw on all
   * @param answers receives each answer with its example's index in the list
   * @throws BadExampleException on every rank, when an example of any cannot be used
   */
  void answer(
      Answerer answerer,
      List<Example> examples,
      DecodeConfig decode,
      Function<Example, List<String>> candidates,
      Runnable before,
      ObjIntConsumer<Saved> answers) {
    List<List<Integer>> batches = answerer.inBatches(examples);
    for (int first = 0; first < batches.size(); first += ranks.size()) {
      before.run();
      int mine = first + ranks.rank();
      Part part =
          mine < batches.size()
              ? part(answerer, examples, batches.get(mine), decode, candidates)
              : Part.NONE;
      for (Part of : exchanged(part)) {
        if (of.failure() != null) {
          throw new BadExampleException(of.failure(), null);
        }
        for (int i = 0; i < of.questions().size(); i++) {
          answers.accept(of.answers().get(i), of.questions().get(i));
        }
      }
    }
  }

  private Part part(
      Answerer answerer,
      List<Example> examples,
      List<Integer> batch,
      DecodeConfig decode,
      Function<Example, List<String>> candidates) {
    List<Integer> questions = new ArrayList<>();
    List<Saved> answers = new ArrayList<>();
    try {
      answerer.answer(
          batch.stream().map(examples::get).toList(),
          decode,
          candidates,
          (answer, i) -> {
            questions.add(batch.get(i));
            answers.add(Saved.of(answer));
          });
      return new Part(questions, answers, null);
    } catch (BadExampleException e) {
      if (ranks.isAlone()) {
        throw e;
      }
      return new Part(List.of(), List.of(), String.valueOf(e.getMessage()));
    }
  }

  private List<Part> exchanged(Part mine) {
    return ranks.isAlone()
        ? List.of(mine)
        : ranks.gather(bytes(mine)).stream().map(bytes -> read(bytes, Part.class)).toList();
  }

  private static byte[] bytes(Object value) {
    try {
      return Json.STRICT.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static <T> T read(byte[] bytes, Class<T> type) {
    try {
      return Json.STRICT.readValue(bytes, type);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
