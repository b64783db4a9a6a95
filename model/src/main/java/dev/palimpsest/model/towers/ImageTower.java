package dev.palimpsest.model.towers;

import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Block;
import dev.palimpsest.model.blocks.BlockSpec;
import java.util.List;
import java.util.Map;

/**
 * Turns pictures into image tokens with the width of the decoder, as a list of blocks. Letters as
 * in {@link ModelInput}.
 */
public interface ImageTower {
  /** Its kernels: a resource in {@code model.kernels}. */
  String kernels();

  /**
   * The name of its tables of foreign names: the resources {@code NAME.hugging-face.names} and
   * {@code NAME.big-vision.names} in {@code checkpoints.published}.
   */
  String names();

  /** How many blocks the tables repeat, which they call {@code {i}}. */
  int depth();

  /** Sizes of axes that are merged in our parameters, by the tables' letters for them. */
  Map<String, Integer> axes();

  /** Image tokens of one picture, N. */
  int imageTokens(int resolution);

  /** Its blocks in order, for pictures of side {@code resolution}. */
  List<BlockSpec> specs(int resolution);

  /**
   * The blocks of one pass from pictures, float32 [P, S, S, 3], to tokens, float32 [groups, P*N /
   * groups, D].
   *
   * @param groups the number of groups into which the tokens are divided: B if examples have
   *     equally many pictures
   * @param pictures P; 0 for text alone
   * @param resolution S
   */
  List<Block> blocks(long groups, long pictures, int resolution, Precision precision);
}
