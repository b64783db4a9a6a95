package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import java.util.Arrays;

/**
 * A batch of prompts.
 *
 * @param images float32 [B, F, S, S, 3]
 * @param text int64 [B, T], padded at the right
 * @param lengths real tokens by row, [B]
 * @param streams seeds of the random draws by row, [B]; rows with equal numbers, prompts and
 *     settings get equal answers
 */
public record Prompts(NDArray images, NDArray text, int[] lengths, long[] streams) {
  /** Prompts without random draws. */
  public Prompts(NDArray images, NDArray text, int[] lengths) {
    this(images, text, lengths, new long[lengths.length]);
  }

  int size() {
    return lengths.length;
  }

  /** One prompt by itself, without padding; arrays in {@code manager}. */
  Prompts alone(NDManager manager, int row) {
    NDArray image = images.get(new NDIndex("{}:{}", row, row + 1));
    image.attach(manager);
    NDArray tokens = text.get(new NDIndex("{}:{}, :{}", row, row + 1, lengths[row]));
    tokens.attach(manager);
    return new Prompts(image, tokens, new int[] {lengths[row]}, new long[] {streams[row]});
  }

  /** Text without columns that are padding in every row; in {@code manager}. */
  NDArray trimmedText(NDManager manager) {
    NDArray tokens = text.get(new NDIndex(":, :{}", Arrays.stream(lengths).max().orElse(1)));
    tokens.attach(manager);
    return tokens;
  }
}
