package dev.palimpsest.checkpoints.published;

/** Memory that successive {@link Rearranged} arrays reuse; it grows to the size of the largest. */
final class Band {
  private float[] values = new float[0];

  /** An array of at least this length, with arbitrary contents. */
  float[] lend(int length) {
    if (values.length < length) {
      values = new float[length];
    }
    return values;
  }
}
