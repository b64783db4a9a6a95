package dev.palimpsest.eval;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.DecodeConfig;
import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.configs.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.decoding.Answer;
import dev.palimpsest.eval.decoding.Answerer;
import dev.palimpsest.mixtures.Example;
import dev.palimpsest.mixtures.Task;
import dev.palimpsest.mixtures.TextRoom;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.Parameters;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Scores a model on suites of tasks. */
public final class Evaluator {
  private Evaluator() {}

  /**
   * Decodes every example of every task and scores the texts. The batch size is a matter of speed
   * and memory alone: it never changes an answer.
   *
   * @param resolution side of the square input, in pixels
   * @param textTokens text positions of the prompt; longer ones are cut from the right
   * @param batchSize examples a forward pass
   * @param parent everything made here lives in children of it and is gone on return
   * @param predictionsFolder receives {@code TASK.jsonl} for each task, one {@link Prediction} a
   *     line; created when absent
   * @throws UncheckedIOException when a source cannot be read or predictions cannot be written
   * @throws dev.palimpsest.mixtures.BadExampleException when an example cannot be used
   */
  public static SuiteResult evaluate(
      SuiteConfig suite,
      PaliGemma model,
      Parameters parameters,
      int resolution,
      int textTokens,
      ImageConfig image,
      Tokenizer tokenizer,
      int batchSize,
      NDManager parent,
      Path predictionsFolder) {
    Map<String, TaskResult> results = new LinkedHashMap<>();
    TextRoom room = new TextRoom(tokenizer, textTokens);
    try (Answerer answerer =
        new Answerer(
            model, parameters, tokenizer, image, resolution, textTokens, batchSize, parent)) {
      suite
          .tasks()
          .forEach(
              (name, task) -> {
                Outcome outcome = task(task, room, answerer);
                write(predictionsFolder, name, outcome.predictions);
                results.put(name, outcome.result());
              });
    }
    return new SuiteResult(results);
  }

  /**
   * A model's answer to one prompt, decoded greedily.
   *
   * @param example its targets are not looked at
   * @param parent everything made here lives in children of it and is gone on return
   * @throws dev.palimpsest.mixtures.BadExampleException when a picture cannot be used
   */
  public static String answer(
      Example example,
      PaliGemma model,
      Parameters parameters,
      int resolution,
      ImageConfig image,
      Tokenizer tokenizer,
      int maxNewTokens,
      NDManager parent) {
    // BOS, the prompt and, one token each or a few, the separator: nothing is cut.
    int textTokens = 1 + tokenizer.encode(example.prefix()).length + tokenizer.encode("\n").length;
    List<String> answers = new ArrayList<>();
    try (Answerer answerer =
        new Answerer(model, parameters, tokenizer, image, resolution, textTokens, 1, parent)) {
      answerer.answer(
          List.of(example),
          DecodeConfig.greedy(maxNewTokens),
          (answer, i) -> answers.add(answer.text()));
    }
    return answers.get(0);
  }

  /** A task's examples, answered, with the likelihood of their references. */
  private static Outcome task(SuiteTaskConfig task, TextRoom room, Answerer answerer) {
    try (Task source = Task.open(task.task(), room)) {
      long all = task.limit() == 0 ? source.size() : Math.min(task.limit(), source.size());
      Outcome outcome = new Outcome(Math.toIntExact(all));
      List<Example> examples = new ArrayList<>();
      for (int i = 0; i < all; i++) {
        examples.add(source.example(i));
      }
      answerer.answer(
          examples,
          task.decode(),
          example -> List.of(example.suffix()),
          (answer, i) -> outcome.add(i, examples.get(i), answer));
      return outcome;
    }
  }

  private static void write(Path folder, String task, Prediction[] predictions) {
    // A task may be called anything; a file may not.
    String name = task.replaceAll("[^A-Za-z0-9._-]", "_") + ".jsonl";
    Path unfinished = folder.resolve("." + name + ".part");
    ObjectMapper json = new ObjectMapper();
    try {
      Files.createDirectories(folder);
      try (BufferedWriter out = Files.newBufferedWriter(unfinished)) {
        for (Prediction prediction : predictions) {
          out.write(json.writeValueAsString(prediction));
          out.write('\n');
        }
      }
      Files.move(
          unfinished,
          folder.resolve(name),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write predictions to " + folder, e);
    }
  }

  /** Counts and answers by example. */
  private static final class Outcome {
    final long[] exact;
    final long[] tokenHits;
    final long[] tokens;
    final Prediction[] predictions;

    Outcome(int examples) {
      exact = new long[examples];
      tokenHits = new long[examples];
      tokens = new long[examples];
      predictions = new Prediction[examples];
    }

    void add(int index, Example example, Answer answer) {
      String text = answer.text();
      boolean correct = example.references().contains(text);
      exact[index] = correct ? 1 : 0;
      predictions[index] =
          new Prediction(example.id(), example.prefix(), text, example.references(), correct);
      boolean[] likeliest = answer.likelihoods().get(0).likeliest();
      tokens[index] = likeliest.length;
      for (boolean hit : likeliest) {
        tokenHits[index] += hit ? 1 : 0;
      }
    }

    TaskResult result() {
      long[] ones = new long[exact.length];
      Arrays.fill(ones, 1);
      return new TaskResult(
          exact.length, Score.ofRatio(exact, ones), Score.ofRatio(tokenHits, tokens));
    }
  }
}
