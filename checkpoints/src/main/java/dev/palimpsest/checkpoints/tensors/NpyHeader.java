package dev.palimpsest.checkpoints.tensors;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The header of an npy member: magic, version, header length (2 bytes in version 1, 4 in 2 and 3),
 * and a Python dictionary such as {@code {'descr': '<f4', 'fortran_order': False, 'shape': (3, 32),
 * }}, whose keys may come in any order (numpy/lib/format.py).
 *
 * @param type number format
 * @param bigEndian whether numbers are big-endian
 * @param shape dimensions
 * @param fortran whether the first axis is the fastest
 * @param length bytes before the data
 */
record NpyHeader(ElementType type, boolean bigEndian, Shape shape, boolean fortran, int length) {
  /** The longest header accepted, numpy's own limit rounded up. */
  static final int MAX_LENGTH = 12 + (16 << 10);

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /** A dtype's byte order, kind and bytes. */
  private static final Pattern DESCRIPTION = Pattern.compile("([<>=|]?)([a-zA-Z?])([0-9]{0,3})");

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
          "states an npy header of %d bytes; at most %d are allowed"
              .formatted(length, MAX_LENGTH - 12));
    }
    if (length > start.remaining()) {
      throw bad(Kind.TRUNCATED, file, member, "ends within its npy header");
    }
    byte[] text = new byte[(int) length];
    start.get(text);
    String dictionary =
        new String(text, version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
    Map<String, String> fields = new PythonDictionary(dictionary).entries();
    String fortran = fields.get("fortran_order");
    String shape = fields.get("shape");
    String description = fields.get("descr");
    if (fields.size() != 3
        || description == null
        || shape == null
        || fortran == null
        || !fortran.matches("True|False")) {
      throw bad(Kind.CORRUPT, file, member, "has an npy header that cannot be read: " + dictionary);
    }
    ElementType type = type(file, member, description);
    return new NpyHeader(
        type,
        type.bytes() > 1 && type != ElementType.BF16 && unquoted(description).startsWith(">"),
        shape(file, member, shape, type),
        fortran.equals("True"),
        start.position());
  }

  private static String unquoted(String text) {
    return text.substring(1, text.length() - 1);
  }

  /** Kind and bytes of a number for which numpy.dtype accepts other names as well. */
  private static String canonical(String name) {
    return switch (name) {
      case "?", "bool" -> "b1";
      case "b", "int8" -> "i1";
      case "B", "uint8" -> "u1";
      case "h", "int16" -> "i2";
      case "H", "uint16" -> "u2";
      case "i", "int32" -> "i4";
      case "I", "uint32" -> "u4";
      case "l", "q", "int64" -> "i8";
      case "e", "float16" -> "f2";
      case "f", "float32" -> "f4";
      case "d", "float64" -> "f8";
      case "bfloat16" -> "V2";
      default -> name;
    };
  }

  private static ElementType type(Path file, String member, String description) {
    if (description.startsWith("'") || description.startsWith("\"")) {
      Matcher m = DESCRIPTION.matcher(unquoted(description));
      String kind = m.matches() ? m.group(2) + m.group(3) : unquoted(description);
      String name = canonical(kind);
      for (ElementType type : ElementType.values()) {
        if (type.npyDescription().substring(1).equals(name)) {
          return type;
        }
      }
    }
    throw new UnreadableTypeException(
        file,
        "%s has numpy dtype %s%s"
            .formatted(
                member,
                description,
                description.matches("'[<>=|]?O[0-9]*'")
                    ? ": pickled Python objects are never read"
                    : "; numbers of up to 64 bits are read, and V2 as bfloat16"));
  }

  /**
   * Describes an array that cannot be used here, in an archive whose other arrays may be usable.
   */
  static final class UnreadableTypeException extends CheckpointFormatException {
    private static final long serialVersionUID = 1L;

    UnreadableTypeException(Path file, String message) {
      super(Kind.FOREIGN, file, message);
    }
  }

  private static Shape shape(Path file, String member, String tuple, ElementType type) {
    Matcher m =
        Pattern.compile("\\(\\s*((?:[0-9]+L?\\s*,\\s*)*+(?:[0-9]+L?\\s*)?)\\)").matcher(tuple);
    if (!m.matches()) {
      throw bad(
          Kind.CORRUPT, file, member, "has an npy header that cannot be read: shape " + tuple);
    }
    try {
      long[] dimensions =
          Arrays.stream(m.group(1).split(","))
              .map(text -> text.strip().replace("L", "")) // Python 2 wrote long integers like this
              .filter(text -> !text.isEmpty())
              .mapToLong(Long::parseLong)
              .toArray();
      return TensorInfo.checkedShape(dimensions, type);
    } catch (ArithmeticException | NumberFormatException e) {
      throw bad(Kind.CORRUPT, file, member, "has the impossible shape " + tuple);
    }
  }

  /**
   * Writes a version 1 header whose length, including the magic string, is a multiple of 64, as in
   * numpy.
   */
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
