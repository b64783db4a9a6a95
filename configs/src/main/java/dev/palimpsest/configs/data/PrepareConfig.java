package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import org.jspecify.annotations.Nullable;

/**
 * Data and checkpoints that are generated before the first stage, so that a rehearsal needs no
 * other input.
 *
 * @param playground a small synthetic dataset
 * @param towers randomly initialised tower checkpoints in the published formats
 */
public record PrepareConfig(@Nullable Playground playground, @Nullable Towers towers) {
  /**
   * The synthetic dataset, with the same settings as the {@code playground} command.
   *
   * @param out output folder for pictures, {@code *.jsonl} files and the tokenizer
   * @param seed random seed; the same seed gives the same bytes
   * @param trainImages number of training pictures
   * @param heldOutImages number of held-out pictures
   */
  public record Playground(
      String out,
      @Default("0") long seed,
      @Default("4000") int trainImages,
      @Default("200") int heldOutImages) {
    /** Checks that there is at least one picture of each kind. */
    public Playground {
      new Check()
          .range("trainImages", trainImages, 1, 10_000_000, "pictures")
          .range("heldOutImages", heldOutImages, 1, 10_000_000, "pictures")
          .done();
    }
  }

  /**
   * Randomly initialised towers with the recipe's model sizes, written in the published formats.
   *
   * @param out output folder for {@code siglip.npz} (big_vision), {@code gemma/} (Hugging Face) and
   *     a mask codec, {@code vae-oid.npz}
   * @param seed random seed; the same seed gives the same bytes
   * @param resolution resolution for the image tower's position embedding, in pixels
   */
  public record Towers(String out, @Default("0") long seed, int resolution) {
    /** Checks the resolution. */
    public Towers {
      new Check().range("resolution", resolution, 1, Check.MOST_PIXELS, "pixels").done();
    }
  }
}
