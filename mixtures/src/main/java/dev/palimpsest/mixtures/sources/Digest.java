package dev.palimpsest.mixtures.sources;

import dev.palimpsest.files.ContentHash;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * SHA-256 over a sequence of values. Texts are preceded by their length, so that adjacent texts
 * cannot be confused.
 */
public final class Digest {
  private final MessageDigest digest = ContentHash.sha256();

  public Digest add(String... texts) {
    for (String text : texts) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      add(bytes.length);
      digest.update(bytes);
    }
    return this;
  }

  public Digest add(long number) {
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(number).flip());
    return this;
  }

  /** Adds the remaining bytes of a buffer. */
  public Digest add(ByteBuffer bytes) {
    digest.update(bytes);
    return this;
  }

  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
