package dev.palimpsest.model.towers;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Block;
import dev.palimpsest.model.blocks.BlockSpec;
import java.util.List;

/**
 * From pictures to image tokens as wide as the decoder, as blocks. Letters as in {@link
 * ModelInput}.
 */
public interface ImageTower {
  /** Image tokens of one picture, N. */
  int imageTokens(int resolution);

  /** Its blocks in order, for pictures of side {@code resolution}. */
  List<BlockSpec> specs(int resolution);

  /**
   * The blocks of one pass from pictures, float32 [P, S, S, 3], to tokens, float32 [groups, P*N /
   * groups, D].
   *
   * @param groups what the tokens are divided into: B where examples have equally many pictures
   * @param pictures P; 0 for text alone
   * @param resolution S
   */
  List<Block> blocks(long groups, long pictures, int resolution, Precision precision);
}
