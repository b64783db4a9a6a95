package dev.palimpsest.mixtures.codecs;

import dev.palimpsest.configs.checks.PlaceholderFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * A small numpy {@code .npz} of float arrays, read as a whole. Checkpoints, which are large,
 * memory-mapped and of many types, belong to another module.
 */
final class NumpyArchive {
  /** The most bytes of all arrays, uncompressed. */
  private static final int LARGEST = 1 << 27;

  /** The most arrays; a codec has about sixty. */
  private static final int MOST_ARRAYS = 1000;

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '<f([48])', 'fortran_order': False, 'shape': \\(([0-9, ]*)\\), \\}\\s*");

  /** An array, row-major. */
  record Array(int[] shape, float[] values) {}

  private NumpyArchive() {}

  /**
   * Every array by its name.
   *
   * @throws IOException when it cannot be read or is not such an archive; the message names the
   *     file
   */
  static Map<String, Array> read(Path file) throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new IOException(file + " is not a regular file");
    }
    Map<String, Array> arrays = new LinkedHashMap<>();
    int left = LARGEST;
    try (ZipFile zip = new ZipFile(file.toFile())) {
      if (zip.size() > MOST_ARRAYS) {
        throw new IOException("it has %d arrays, more than any codec".formatted(zip.size()));
      }
      for (Enumeration<? extends ZipEntry> e = zip.entries(); e.hasMoreElements(); ) {
        ZipEntry entry = e.nextElement();
        String name = entry.getName().replaceFirst("\\.npy$", "");
        // Not readAllBytes: a megabyte can unpack to a gigabyte, and the declared size can be
        // wrong.
        byte[] bytes = zip.getInputStream(entry).readNBytes(left + 1);
        left -= bytes.length;
        if (left < 0) {
          throw new IOException(
              "unpacks to more than %d bytes, which is more than any codec has".formatted(LARGEST));
        }
        arrays.put(name, array(name, bytes));
      }
    } catch (IOException e) {
      throw new IOException(
          file + ": " + PlaceholderFile.reason(file).orElse(String.valueOf(e.getMessage())), e);
    }
    return arrays;
  }

  private static Array array(String name, byte[] bytes) throws IOException {
    if (bytes.length < 10 || !Arrays.equals(MAGIC, Arrays.copyOf(bytes, MAGIC.length))) {
      throw new IOException("'" + name + "' is not a numpy array");
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean first = bytes[6] == 1;
    int start = first ? 10 : 12;
    long length = first ? Short.toUnsignedLong(buffer.getShort(8)) : buffer.getInt(8);
    if (length < 0 || start + length > bytes.length) {
      throw new IOException("'" + name + "' ends inside its header");
    }
    String header = new String(bytes, start, (int) length, StandardCharsets.US_ASCII);
    Matcher matcher = HEADER.matcher(header);
    if (!matcher.matches()) {
      throw new IOException(
          "'%s' must be a float32 or float64 array in C order, found %s"
              .formatted(name, header.strip()));
    }
    int[] shape;
    long count;
    try {
      shape =
          Arrays.stream(matcher.group(2).split(","))
              .map(String::strip)
              .filter(text -> !text.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      count = Arrays.stream(shape).asLongStream().reduce(1, Math::multiplyExact);
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IOException("'%s' has the shape (%s)".formatted(name, matcher.group(2)), e);
    }
    boolean wide = matcher.group(1).equals("8");
    // Not a product, which could exceed 63 bits.
    long held = (bytes.length - start - length) / (wide ? 8 : 4);
    if (count != held || (bytes.length - start - length) % (wide ? 8 : 4) != 0) {
      throw new IOException(
          "'%s' of shape %s has %d bytes of values"
              .formatted(name, Arrays.toString(shape), bytes.length - start - length));
    }
    buffer.position((int) (start + length));
    float[] values = new float[(int) count];
    for (int i = 0; i < values.length; i++) {
      values[i] = wide ? (float) buffer.getDouble() : buffer.getFloat();
    }
    return new Array(shape, values);
  }
}
