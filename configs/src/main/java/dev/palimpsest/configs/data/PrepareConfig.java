package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Suggestion;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Data and checkpoints that are generated before the first stage, so that a rehearsal needs no
 * other input.
 *
 * @param playground a small synthetic dataset
 * @param towers randomly initialised tower checkpoints in the published formats
 * @param fabricate stand-ins for the published files of a whole model, at their true size
 */
public record PrepareConfig(
    @Nullable Playground playground, @Nullable Towers towers, @Nullable Fabricate fabricate) {
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
          .local("out", out)
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
      new Check()
          .local("out", out)
          .range("resolution", resolution, 1, Check.MOST_PIXELS, "pixels")
          .done();
    }
  }

  /**
   * The published files that stage 0 imports, with their names, layouts and sizes and random
   * values, as the {@code fabricate} command writes them.
   *
   * @param out output folder
   * @param preset the model: {@code paligemma-3b}, {@code paligemma2-3b}, {@code paligemma2-10b},
   *     {@code tiny} or {@code tiny2}
   * @param parts {@code siglip-npz}, {@code siglip-hf}, {@code gemma}, {@code tokenizer}, {@code
   *     mask-codec}; everything by default
   * @param seed random seed; the same seed gives the same bytes
   */
  public record Fabricate(
      String out, String preset, @Default("[]") List<String> parts, @Default("0") long seed) {
    /** Checks the names. */
    public Fabricate {
      Check check = new Check().local("out", out);
      known(check, "preset", preset, List.of(Model.values()));
      for (int i = 0; i < parts.size(); i++) {
        known(check, "parts[" + i + "]", parts.get(i), List.of(Part.values()));
      }
      check.done();
    }

    private static void known(Check check, String key, String name, List<?> all) {
      List<String> names = all.stream().map(Object::toString).toList();
      check.that(
          names.contains(name),
          key,
          "%s",
          "unknown name '" + name + "'" + Suggestion.among(name, names));
    }

    /** Whose files. */
    public Model model() {
      return Stream.of(Model.values())
          .filter(m -> m.toString().equals(preset))
          .findFirst()
          .orElseThrow();
    }

    /** What is asked for, in the order in which it is written. */
    public List<Part> wanted() {
      return Stream.of(Part.values())
          .filter(part -> parts.isEmpty() || parts.contains(part.toString()))
          .toList();
    }

    /** The models that are imitated. */
    public enum Model {
      PALIGEMMA_3B,
      PALIGEMMA2_3B,
      PALIGEMMA2_10B,
      TINY,
      TINY2;

      @Override
      public String toString() {
        return word(name());
      }
    }

    /** One file or folder. */
    public enum Part {
      /** The image tower in big_vision's layout. */
      SIGLIP_NPZ,
      /** The same in Hugging Face's layout. */
      SIGLIP_HF,
      /** The decoder with its own tokenizer. */
      GEMMA,
      /** The decoder's tokenizer with location and segmentation tokens. */
      TOKENIZER,
      /** The codec of masks; narrower than the published one. */
      MASK_CODEC;

      @Override
      public String toString() {
        return word(name());
      }
    }

    private static String word(String constant) {
      return constant.toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }
}
