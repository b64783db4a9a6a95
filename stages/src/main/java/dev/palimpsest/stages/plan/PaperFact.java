package dev.palimpsest.stages.plan;

import org.jspecify.annotations.Nullable;

/**
 * A setting of a stage beside what the PaliGemma papers say of it.
 *
 * @param stage the recipe's name of the stage
 * @param role the paper's stage that it corresponds to
 * @param what the setting
 * @param paper the papers' value; null where they name none
 * @param source section of a paper, or file of the released code
 * @param recipe the recipe's value, written like the paper's
 */
public record PaperFact(
    String stage, String role, String what, @Nullable String paper, String source, String recipe) {
  /** Where the recipe's value comes from. */
  public enum Origin {
    /** It is the papers' value. */
    PUBLISHED,
    /** The papers name none. */
    OURS,
    /** The papers name another one. */
    DIFFERS
  }

  /** Where the recipe's value comes from. */
  public Origin origin() {
    return paper == null ? Origin.OURS : paper.equals(recipe) ? Origin.PUBLISHED : Origin.DIFFERS;
  }
}
