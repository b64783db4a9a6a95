package dev.palimpsest.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.configs.ImageConfig;
import dev.palimpsest.configs.SuiteConfig;
import dev.palimpsest.configs.SuiteConfig.SuiteTaskConfig;
import dev.palimpsest.eval.Decoder.Decoded;
import dev.palimpsest.mixtures.BatchBuilder;
import dev.palimpsest.mixtures.Example;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.Task;
import dev.palimpsest.mixtures.TextRoom;
import dev.palimpsest.mixtures.Tokenizer;
import dev.palimpsest.model.ModelInput;
import dev.palimpsest.model.PaliGemma;
import dev.palimpsest.model.Parameters;
import dev.palimpsest.model.Trace;
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
import java.util.TreeMap;

/** Scores a model on suites of tasks. */
public final class Evaluator {
  /** Logits held at once in the teacher-forced pass: 2^26 float32, 256 MiB. */
  private static final long LOGITS = 1L << 26;

  private final PaliGemma model;
  private final Parameters parameters;
  private final Tokenizer tokenizer;
  private final NDManager parent;

  private Evaluator(PaliGemma model, Parameters parameters, Tokenizer tokenizer, NDManager parent) {
    this.model = model;
    this.parameters = parameters;
    this.tokenizer = tokenizer;
    this.parent = parent;
  }

  /**
   * Decodes every example of every task, greedily, and scores the texts. The batch size is a matter
   * of speed and memory alone: it never changes an answer.
   *
   * @param resolution side of the square input, in pixels
   * @param textTokens text positions of the prompt, and of prompt and reference together where the
   *     reference is given to the model (token accuracy)
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
    Evaluator evaluator = new Evaluator(model, parameters, tokenizer, parent);
    Map<String, TaskResult> results = new LinkedHashMap<>();
    TextRoom room = new TextRoom(tokenizer, textTokens);
    try (BatchBuilder batches = new BatchBuilder(image, resolution, textTokens, tokenizer)) {
      suite
          .tasks()
          .forEach(
              (name, task) -> {
                Outcome outcome = evaluator.task(task, room, batches, batchSize);
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
    Evaluator evaluator = new Evaluator(model, parameters, tokenizer, parent);
    try (BatchBuilder batches = new BatchBuilder(image, resolution, textTokens, tokenizer);
        ExampleBatch prompt = batches.decoding(0, List.of(example))) {
      return tokenizer.decode(evaluator.decode(prompt, maxNewTokens).get(0).tokens());
    }
  }

  /** Goes through a task's examples; those with equally many images share batches. */
  private Outcome task(SuiteTaskConfig task, TextRoom room, BatchBuilder batches, int batchSize) {
    try (Task source = Task.open(task.task(), room)) {
      long all = task.limit() == 0 ? source.size() : Math.min(task.limit(), source.size());
      Outcome outcome = new Outcome(Math.toIntExact(all));
      Map<Integer, List<Indexed>> waiting = new TreeMap<>();
      for (int i = 0; i < all; i++) {
        Example example = source.example(i);
        List<Indexed> alike =
            waiting.computeIfAbsent(example.images().size(), f -> new ArrayList<>());
        alike.add(new Indexed(i, example));
        if (alike.size() == batchSize) {
          score(alike, batches, task.decode().maxNewTokens(), outcome);
          alike.clear();
        }
      }
      for (List<Indexed> rest : waiting.values()) {
        if (!rest.isEmpty()) {
          score(rest, batches, task.decode().maxNewTokens(), outcome);
        }
      }
      return outcome;
    }
  }

  private void score(
      List<Indexed> examples, BatchBuilder batches, int maxNewTokens, Outcome outcome) {
    List<Example> batch = examples.stream().map(Indexed::example).toList();
    long first = examples.get(0).index();
    try (ExampleBatch prompts = batches.decoding(first, batch)) {
      List<Decoded> answers = decode(prompts, maxNewTokens);
      for (int row = 0; row < examples.size(); row++) {
        Example example = batch.get(row);
        String text = tokenizer.decode(answers.get(row).tokens());
        boolean correct = example.references().contains(text);
        int index = examples.get(row).index();
        outcome.exact[index] = correct ? 1 : 0;
        outcome.predictions[index] =
            new Prediction(example.id(), example.prefix(), text, example.references(), correct);
      }
    }
    try (ExampleBatch targets = batches.training(first, batch)) {
      teacherForced(targets, examples, outcome);
    }
  }

  private List<Decoded> decode(ExampleBatch prompts, int maxNewTokens) {
    int[] real = BatchArrays.values(prompts.maskInput());
    int[] lengths = new int[prompts.size()];
    for (int i = 0; i < real.length; i++) {
      lengths[i / prompts.textColumns()] += real[i];
    }
    try (NDManager manager = parent.newSubManager()) {
      return Decoder.greedy(
          manager,
          model,
          parameters,
          BatchArrays.images(manager, prompts),
          BatchArrays.integers(manager, prompts, prompts.text()),
          lengths,
          maxNewTokens,
          Decoder.Stop.AT_EOS);
    }
  }

  /** Counts supervised tokens, and those that are the most likely ones at their place. */
  private void teacherForced(ExampleBatch batch, List<Indexed> examples, Outcome outcome) {
    int columns = batch.textColumns();
    int seen = columns - 1;
    int[] text = BatchArrays.values(batch.text());
    int[] supervised = BatchArrays.values(batch.maskLoss());
    int rows = (int) Math.max(1, LOGITS / ((long) seen * tokenizer.vocabularySize()));
    try (NDManager manager = parent.newSubManager()) {
      NDArray images = BatchArrays.images(manager, batch);
      NDArray ids = BatchArrays.integers(manager, batch, batch.text());
      NDArray maskAr = BatchArrays.integers(manager, batch, batch.maskAr());
      for (int from = 0; from < batch.size(); from += rows) {
        int to = Math.min(batch.size(), from + rows);
        long[] likeliest = likeliest(manager, images, ids, maskAr, from, to, seen);
        for (int row = from; row < to; row++) {
          int index = examples.get(row).index();
          for (int i = 0; i < seen; i++) {
            int target = row * columns + i + 1;
            if (supervised[target] == 1) {
              outcome.tokens[index]++;
              outcome.tokenHits[index] +=
                  likeliest[(row - from) * seen + i] == text[target] ? 1 : 0;
            }
          }
        }
      }
    }
  }

  private long[] likeliest(
      NDManager holder, NDArray images, NDArray ids, NDArray maskAr, int from, int to, int seen) {
    try (NDManager manager = holder.newSubManager()) {
      NDIndex rows = new NDIndex("%d:%d".formatted(from, to));
      NDIndex cells = new NDIndex("%d:%d, :%d".formatted(from, to, seen));
      NDArray part = images.get(rows);
      NDArray text = ids.get(cells);
      NDArray mask = maskAr.get(cells);
      for (NDArray array : List.of(part, text, mask)) {
        array.attach(manager);
      }
      NDArray logits =
          model.logits(manager, parameters, new ModelInput(part, text, mask), Trace.NONE);
      return logits.argMax(2).toLongArray();
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

  private record Indexed(int index, Example example) {}

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

    TaskResult result() {
      long[] ones = new long[exact.length];
      Arrays.fill(ones, 1);
      return new TaskResult(
          exact.length, Score.ofRatio(exact, ones), Score.ofRatio(tokenHits, tokens));
    }
  }
}
