package dev.palimpsest.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/**
 * Takes a file from its first byte to its last, of which earlier bytes may be corrected, such as a
 * checksum that stands before its data.
 */
public interface CorrectedFile extends WritableByteChannel {
  /** Number of bytes written. */
  long position();

  /** Writes other bytes in place of earlier ones. */
  void correct(long offset, ByteBuffer bytes) throws IOException;

  /** Says which bytes will not be corrected any more, so that they can be hashed. */
  void finalUpTo(long position);
}
