package dev.palimpsest.checkpoints;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.CheckpointFormatException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The head of an npy member: magic, version, header length (2 bytes in version 1, 4 in 2 and 3),
 * and a Python dictionary such as {@code {'descr': '<f4', 'fortran_order': False, 'shape': (3, 32),
 * }}.
 *
 * @param type number format
 * @param shape dimensions
 * @param length bytes before the data
 */
record NpyHeader(ElementType type, Shape shape, int length) {
  /** Bytes that hold the longest header accepted, numpy's own limit rounded up. */
  static final int MAX_LENGTH = 12 + (16 << 10);

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  private static final Pattern DICTIONARY =
      Pattern.compile(
          "\\{\\s*'descr':\\s*('[^']*'|\\[.*])\\s*,\\s*'fortran_order':\\s*(True|False)\\s*,"
              + "\\s*'shape':\\s*\\(([0-9, ]*)\\)\\s*,?\\s*}\\s*",
          Pattern.DOTALL);

  /** Parses the first bytes of a member. */
  static NpyHeader parse(Path file, String member, ByteBuffer start) {
    start.order(ByteOrder.LITTLE_ENDIAN);
    byte[] magic = new byte[MAGIC.length];
    if (start.remaining() < 10) {
      throw bad(Kind.TRUNCATED, file, member, "has no complete npy header");
    }
    start.get(magic);
    int version = start.get();
    start.get(); // minor version, always 0
    if (!Arrays.equals(magic, MAGIC) || version < 1 || version > 3) {
      throw bad(Kind.FOREIGN, file, member, "is not an npy file of version 1, 2 or 3");
    }
    if (version > 1 && start.remaining() < 4) {
      throw bad(Kind.TRUNCATED, file, member, "has no complete npy header");
    }
    long length = version == 1 ? Short.toUnsignedLong(start.getShort()) : start.getInt();
    if (length < 0 || length > MAX_LENGTH - 12) {
      throw bad(
          Kind.CORRUPT,
          file,
          member,
          "states an npy header of %d bytes, allowed are %d".formatted(length, MAX_LENGTH - 12));
    }
    if (length > start.remaining()) {
      throw bad(Kind.TRUNCATED, file, member, "ends within its npy header");
    }
    byte[] text = new byte[(int) length];
    start.get(text);
    String dictionary =
        new String(text, version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
    Matcher m = DICTIONARY.matcher(dictionary);
    if (!m.matches()) {
      throw bad(Kind.CORRUPT, file, member, "has an npy header that cannot be read: " + dictionary);
    }
    return new NpyHeader(type(file, member, m.group(1)), shape(file, member, m), start.position());
  }

  private static ElementType type(Path file, String member, String quoted) {
    String description = quoted.replace("'", "");
    return ElementType.ofNpy(description)
        .orElseThrow(
            () ->
                bad(
                    Kind.FOREIGN,
                    file,
                    member,
                    "has numpy dtype "
                        + quoted
                        + (description.startsWith(">")
                            ? ", big endian; little endian is read"
                            : description.endsWith("O")
                                ? ": pickled Python objects are never read"
                                : "; numbers of up to 64 bits are read, and V2 as bfloat16")));
  }

  private static Shape shape(Path file, String member, Matcher m) {
    String digits = m.group(3).replace(" ", "");
    try {
      long[] dimensions =
          digits.isEmpty()
              ? new long[0]
              : Arrays.stream(digits.split(",")).mapToLong(Long::parseLong).toArray();
      if (m.group(2).equals("True") && dimensions.length > 1) {
        throw bad(
            Kind.FOREIGN,
            file,
            member,
            "lies in Fortran order; save it with numpy.ascontiguousarray");
      }
      return TensorInfo.checkedShape(dimensions, type(file, member, m.group(1)));
    } catch (ArithmeticException | NumberFormatException e) {
      throw bad(Kind.CORRUPT, file, member, "has the impossible shape (" + m.group(3) + ")");
    }
  }

  /** A version 1 header whose length, magic included, is a multiple of 64, as numpy writes it. */
  static byte[] write(TensorInfo info) {
    long[] dimensions = info.shape().getShape();
    String shape =
        Arrays.stream(dimensions).mapToObj(Long::toString).collect(Collectors.joining(", "))
            + (dimensions.length == 1 ? "," : "");
    String dictionary =
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }"
            .formatted(info.type().npyDescription(), shape);
    int length = (10 + dictionary.length() + 1 + 63) / 64 * 64;
    ByteBuffer header = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    header.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) (length - 10));
    header.put(dictionary.getBytes(StandardCharsets.ISO_8859_1));
    while (header.remaining() > 1) {
      header.put((byte) ' ');
    }
    return header.put((byte) '\n').array();
  }

  private static CheckpointFormatException bad(
      Kind kind, Path file, String member, String message) {
    return new CheckpointFormatException(kind, file, member + " " + message);
  }
}
