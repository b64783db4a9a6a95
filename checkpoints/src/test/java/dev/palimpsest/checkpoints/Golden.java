package dev.palimpsest.checkpoints;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Small random models whose tensors were written by numpy and by the safetensors package. {@code
 * *.sha256} lists name, shape and SHA-256 of each tensor's float32 bytes under its Hugging Face
 * name, computed outside Java from the reference's own file.
 */
public final class Golden {
  private Golden() {}

  public static Path path(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(Golden.class.getResource("/golden/" + name), name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Name -> "shape hash". */
  public static Map<String, String> hashes(String file) {
    Map<String, String> hashes = new LinkedHashMap<>();
    try {
      for (String line : Files.readAllLines(path(file))) {
        String[] parts = line.split(" ", 2);
        hashes.put(parts[0], parts[1]);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return hashes;
  }

  /** The same of tensors at hand. */
  public static String hash(long[] shape, float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    StringBuilder text = new StringBuilder();
    for (long d : shape) {
      text.append(text.isEmpty() ? "" : "x").append(d);
    }
    try {
      return text
          + " "
          + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
