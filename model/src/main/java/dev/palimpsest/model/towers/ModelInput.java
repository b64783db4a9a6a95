package dev.palimpsest.model.towers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * What the model sees of a batch. Arrays belong to the caller's manager (the step's).
 *
 * <p>Letters used throughout this package: B examples, F pictures of an example, P pictures of all
 * examples, S resolution, N image tokens of one picture, T text tokens, R sequences, L tokens of a
 * sequence (if every example has a sequence of its own, R = B and L = F*N + T), D decoder width, V
 * vocabulary.
 *
 * @param images float32 [P, S, S, 3] or [B, F, S, S, 3], values in [-1, 1]; pictures in the order
 *     of the examples
 * @param text int64 [B, T]
 * @param maskAr int64 [B, T], on any device: 1 where a token does not belong to its predecessor's
 *     attention block
 * @param sequences how the examples are placed in sequences
 */
public record ModelInput(NDArray images, NDArray text, NDArray maskAr, Sequences sequences) {
  /**
   * Examples with equally many pictures, each in a sequence of its own.
   *
   * @param images float32 [B, F, S, S, 3]
   */
  public ModelInput(NDArray images, NDArray text, NDArray maskAr) {
    this(images, text, maskAr, separate(images, text));
  }

  private static Sequences separate(NDArray images, NDArray text) {
    Shape shape = text.getShape();
    int[] pictures = new int[Math.toIntExact(shape.get(0))];
    Arrays.fill(pictures, Math.toIntExact(images.getShape().get(1)));
    return Sequences.separate(pictures, Math.toIntExact(shape.get(1)));
  }
}
