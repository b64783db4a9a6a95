package dev.palimpsest.mixtures;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * Decoded examples as Arrow columns in direct memory. The buffers are little-endian views into the
 * columns and are valid until {@link #close()}; a consumer may alias them.
 */
public interface ExampleBatch extends AutoCloseable {
  /** Examples. */
  int size();

  /**
   * Global mixture position of the first example (the others follow), or the position in an
   * evaluation's list.
   */
  long firstIndex();

  /** Ids, {@code task/id}. */
  List<String> ids();

  /** Images an example, F. */
  int imagesPerExample();

  /** Square resolution, S. */
  int resolution();

  /** Text columns: {@code textTokens + 1} for training, {@code textTokens} for decoding. */
  int textColumns();

  /** float32 [B, F, S, S, 3], values in [-1, 1]. */
  ByteBuffer images();

  /** int32 [B, textColumns]. */
  ByteBuffer text();

  /** int32 [B, textColumns]. */
  ByteBuffer maskAr();

  /** int32 [B, textColumns]. */
  ByteBuffer maskLoss();

  /** int32 [B, textColumns]. */
  ByteBuffer maskInput();

  @Override
  void close();
}
