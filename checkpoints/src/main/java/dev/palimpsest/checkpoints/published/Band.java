package dev.palimpsest.checkpoints.published;

/** Memory for one {@link Rearranged} after the other; it grows to the largest and stays. */
final class Band {
  private float[] values = new float[0];

  /** At least so many elements, of any content. */
  float[] lend(int length) {
    if (values.length < length) {
      values = new float[length];
    }
    return values;
  }
}
