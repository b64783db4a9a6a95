package dev.palimpsest.mixtures.images;

import javax.imageio.stream.ImageInputStreamImpl;

/**
 * Bytes as a stream for the JDK's image readers, without a copy: its length is known, so that a
 * reader can reject what the file cannot contain before it allocates memory for it.
 */
final class ByteArrayStream extends ImageInputStreamImpl {
  private final byte[] bytes;

  ByteArrayStream(byte[] bytes) {
    this.bytes = bytes;
  }

  @Override
  public int read() {
    bitOffset = 0;
    return streamPos < bytes.length ? bytes[(int) streamPos++] & 0xff : -1;
  }

  @Override
  public int read(byte[] into, int offset, int length) {
    bitOffset = 0;
    if (streamPos >= bytes.length) {
      return length == 0 ? 0 : -1;
    }
    int count = Math.min(length, bytes.length - (int) streamPos);
    System.arraycopy(bytes, (int) streamPos, into, offset, count);
    streamPos += count;
    return count;
  }

  @Override
  public long length() {
    return bytes.length;
  }
}
