package dev.palimpsest.cli.commands;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Trace;
import dev.palimpsest.model.blocks.Weights;
import dev.palimpsest.model.towers.ModelInput;
import dev.palimpsest.model.towers.Sequences;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;

/**
 * Changes one thing in the input of a model at a time and looks at which logits move. They are
 * those of the masks that training code gets wrong most often: a target that is seen before it is
 * predicted, a prompt that is read causally, padding or a neighbour that leaks in.
 */
final class Canaries {
  /** Prompt tokens, BOS and separator included; target tokens; padding. */
  private static final int PROMPT = 5;

  private static final int TARGET = 4;
  private static final int PADDING = 3;
  private static final int TEXT = PROMPT + TARGET + PADDING;
  private static final int REAL = PROMPT + TARGET;

  /**
   * Smallest change of a logit, relative to the largest one, that counts. Hidden tokens have a
   * weight of exactly 0, so that nothing moves; in bfloat16 and in float32 alike, what is seen
   * moves logits by far more.
   */
  private static final double MOVED = 1e-6;

  private final VisionLanguageModel model;
  private final Weights weights;
  private final ModelConfig config;
  private final int resolution;
  private final boolean connected;
  private final NDManager manager;

  /**
   * The canaries of a model.
   *
   * @param weights its own
   * @param resolution of the pictures, in pixels
   * @param connected whether the connector lets anything of a picture through
   * @param manager arrays made here belong to children of it
   */
  Canaries(
      VisionLanguageModel model,
      Weights weights,
      ModelConfig config,
      int resolution,
      boolean connected,
      NDManager manager) {
    this.model = model;
    this.weights = weights;
    this.config = config;
    this.resolution = resolution;
    this.connected = connected;
    this.manager = manager;
  }

  /**
   * What a change did.
   *
   * @param change to the input
   * @param expected in words
   * @param holds whether that is what happened
   * @param found what happened
   */
  record Verdict(String change, String expected, boolean holds, String found) {}

  /** Two examples of one picture each; arrays on the host. */
  private static final class Input {
    final float[] pixels;
    final long[] text;
    final long[] maskAr = new long[2 * TEXT];

    Input(ModelConfig config, int resolution) {
      Random random = new Random(0);
      pixels = new float[2 * resolution * resolution * 3];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = random.nextFloat() * 2 - 1;
      }
      text = new long[2 * TEXT];
      for (int i = 0; i < text.length; i++) {
        int at = i % TEXT;
        maskAr[i] = at < PROMPT ? 0 : 1;
        text[i] = at < REAL ? 3 + random.nextInt(config.language().vocabulary() - 3) : 0;
      }
    }

    /** Another token at a text position of an example. */
    Input token(ModelConfig config, int example, int at) {
      int place = example * TEXT + at;
      text[place] =
          (text[place] + 1 + config.language().vocabulary() / 2) % config.language().vocabulary();
      return this;
    }

    /** The negative of an example's picture. */
    Input picture(int example) {
      int half = pixels.length / 2;
      for (int i = 0; i < half; i++) {
        pixels[example * half + i] = -pixels[example * half + i];
      }
      return this;
    }
  }

  private Input input() {
    return new Input(config, resolution);
  }

  /** Releases all of them. */
  List<Verdict> release() {
    int last = REAL - 1;
    List<Verdict> verdicts = new ArrayList<>();
    for (boolean packed : new boolean[] {false, true}) {
      String where = packed ? ", packed" : "";
      float[][] before = logits(input(), packed);
      verdicts.add(
          verdict(
              "a later target token" + where,
              "no logit before it moves, those from it on do",
              before,
              logits(input().token(config, 0, last), packed),
              at -> at < last,
              at -> at == last));
      verdicts.add(
          verdict(
              "the first prompt token" + where,
              "the logits of the whole prompt and target move",
              before,
              logits(input().token(config, 0, 1), packed),
              at -> at >= TEXT && at < TEXT + REAL,
              at -> at < REAL));
      verdicts.add(
          verdict(
              "the last prompt token" + where,
              "the logits of the prompt before it move as well: a prompt is read in both directions",
              before,
              logits(input().token(config, 0, PROMPT - 1), packed),
              at -> at >= TEXT && at < TEXT + REAL,
              at -> at < REAL));
      if (!packed) { // a packed sequence has no padding
        verdicts.add(
            verdict(
                "padding" + where,
                "no logit of prompt and target moves",
                before,
                logits(input().token(config, 0, REAL).token(config, 0, TEXT - 1), false),
                at -> at < REAL,
                at -> false));
      }
      verdicts.add(
          verdict(
              "the other example, text and picture" + where,
              "no logit of this one moves",
              before,
              logits(input().token(config, 0, 1).token(config, 0, last).picture(0), packed),
              at -> at >= TEXT && at < TEXT + REAL,
              at -> false));
      if (connected) {
        verdicts.add(
            verdict(
                "the picture" + where,
                "the logits of the whole prompt and target move",
                before,
                logits(input().picture(0), packed),
                at -> at >= TEXT && at < TEXT + REAL,
                at -> at < REAL));
      } else if (!packed) {
        verdicts.add(
            new Verdict(
                "the picture",
                "cannot be told",
                true,
                "the connector is zero, so that pictures do not count yet"));
      }
    }
    return verdicts;
  }

  /**
   * Compares logits.
   *
   * @param still positions in [2 * TEXT] whose logits may not move, where padding does not count
   * @param moves positions whose logits must move
   */
  private static Verdict verdict(
      String change,
      String expected,
      float[][] before,
      float[][] after,
      IntPredicate still,
      IntPredicate moves) {
    List<String> wrong = new ArrayList<>();
    double least = Double.POSITIVE_INFINITY;
    for (int at = 0; at < before.length; at++) {
      if (at % TEXT >= REAL) {
        continue; // logits of padding are used by nobody
      }
      double moved = moved(before[at], after[at]);
      String place = (at < TEXT ? "" : "the other example's ") + "text position " + at % TEXT;
      if (still.test(at) && moved > MOVED) {
        wrong.add("%s moves by %.1e".formatted(place, moved));
      } else if (moves.test(at)) {
        least = Math.min(least, moved);
        if (moved <= MOVED) {
          wrong.add(place + " does not move");
        }
      }
    }
    return new Verdict(
        change,
        expected,
        wrong.isEmpty(),
        wrong.isEmpty()
            ? Double.isInfinite(least)
                ? "nothing moves"
                : "the least of them by %.1e".formatted(least)
            : String.join("; ", wrong));
  }

  /** The largest change of a logit, relative to the largest logit. */
  private static double moved(float[] before, float[] after) {
    double scale = 1e-30;
    double most = 0;
    for (int i = 0; i < before.length; i++) {
      scale = Math.max(scale, Math.abs(before[i]));
      most = Math.max(most, Math.abs(before[i] - after[i]));
    }
    return most / scale;
  }

  /** Logits of both examples by text position, [2 * TEXT][V]; those of padding may be missing. */
  private float[][] logits(Input input, boolean packed) {
    int vocabulary = config.language().vocabulary();
    float[][] logits = new float[2 * TEXT][vocabulary];
    try (NDManager scope = manager.newSubManager();
        NDManager host = scope.newSubManager(Device.cpu())) {
      // The picture of one example at a time is moved by the caller; both are always there.
      int used = packed ? REAL : TEXT;
      long[] text = rows(input.text, used);
      long[] maskAr = rows(input.maskAr, used);
      NDArray pixels = scope.create(input.pixels, new Shape(2, resolution, resolution, 3));
      int imageTokens = config.vision().imageTokens(resolution);
      int[] one = {1, 1};
      int[] lengths = {used, used};
      ModelInput batch =
          new ModelInput(
              pixels,
              scope.create(text, new Shape(2, used)),
              host.create(maskAr, new Shape(2, used)),
              packed
                  ? Sequences.packed(one, lengths, imageTokens, 2 * (imageTokens + used))
                  : Sequences.separate(one, used));
      float[] all = model.logits(scope, weights, batch, Trace.NONE).toFloatArray();
      for (int i = 0; i < 2 * used; i++) {
        logits[i / used * TEXT + i % used] =
            Arrays.copyOfRange(all, i * vocabulary, (i + 1) * vocabulary);
      }
    }
    return logits;
  }

  private static long[] rows(long[] padded, int used) {
    long[] rows = new long[2 * used];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = padded[i / used * TEXT + i % used];
    }
    return rows;
  }
}
