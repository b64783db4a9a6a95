package dev.palimpsest.configs;

import org.jspecify.annotations.Nullable;

/**
 * Things drawn or written before stage 0, so that a rehearsal needs nothing from outside.
 *
 * @param playground a small drawn dataset
 * @param towers fresh tower checkpoints in the published formats
 */
public record PrepareConfig(@Nullable Playground playground, @Nullable Towers towers) {
  /**
   * The drawn dataset (the {@code playground} command's settings).
   *
   * @param out folder that receives pictures, {@code *.jsonl} and the tokenizer files
   * @param seed same seed, same bytes
   * @param trainImages pictures to train on
   * @param heldOutImages pictures to score on
   */
  public record Playground(
      String out,
      @Default("0") long seed,
      @Default("4000") int trainImages,
      @Default("200") int heldOutImages) {
    /** Checks ranges. */
    public Playground {
      new Check()
          .range("trainImages", trainImages, 1, 10_000_000, "pictures")
          .range("heldOutImages", heldOutImages, 1, 10_000_000, "pictures")
          .done();
    }
  }

  /**
   * Randomly initialised towers of the recipe's model sizes, written as if published.
   *
   * @param out folder that receives {@code siglip.npz} (big_vision), {@code gemma/} (Hugging Face)
   *     and a mask codec, {@code vae-oid.npz}
   * @param seed same seed, same bytes
   * @param resolution resolution of the image tower's position embedding
   */
  public record Towers(String out, @Default("0") long seed, int resolution) {
    /** Checks ranges. */
    public Towers {
      new Check().range("resolution", resolution, 1, Check.MOST_PIXELS, "pixels").done();
    }
  }
}
