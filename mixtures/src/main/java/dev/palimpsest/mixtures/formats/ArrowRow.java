package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.formats.ArrowFile.Blob;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;

/**
 * One row of an Arrow file, read where it is: a value costs one or two positional reads. Everything
 * that the file declares is checked against its size.
 */
final class ArrowRow {
  /** The most values of a row, members of lists included. */
  private static final int MOST_VALUES = 1 << 20;

  /** The most bytes of a row's texts and binaries, not counting pictures. */
  private static final long MOST_BYTES = 1 << 28;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final FileBytes file;
  private final ArrowBatch batch;
  private final long index;

  /** Values and bytes read so far. */
  private int values;

  private long bytes;

  /**
   * Creates a reader of a row.
   *
   * @param index of the row in its batch
   */
  ArrowRow(FileBytes file, ArrowBatch batch, long index) {
    this.file = file;
    this.batch = batch;
    this.index = index;
  }

  /**
   * A column's value as JSON, as {@link ArrowFile#row} describes.
   *
   * @throws MalformedFileException when it is damaged or its type is not read
   */
  JsonNode value(ArrowColumn column) throws IOException {
    return value(column, index);
  }

  /**
   * A column's pictures, as {@link ArrowFile#blobs} describes.
   *
   * @throws MalformedFileException when it is damaged or cannot contain pictures
   */
  List<Blob> blobs(ArrowColumn column) throws IOException {
    List<Blob> blobs = new ArrayList<>();
    blobs(column, index, blobs);
    return blobs;
  }

  private void blobs(ArrowColumn column, long i, List<Blob> out) throws IOException {
    count(column);
    if (isNull(column, i)) {
      return;
    }
    switch (column.field().getType().getTypeID()) {
      case Struct -> {
        Blob bytes = null;
        String path = null;
        for (ArrowColumn child : column.children()) {
          if (child.field().getName().equals("bytes") && !isNull(child, i)) {
            bytes = blob(child, i);
          } else if (child.field().getName().equals("path")) {
            path = value(child, i).textValue();
          }
        }
        if (bytes == null && path == null) {
          throw malformed(column.name() + " holds neither bytes nor a path");
        }
        out.add(bytes == null ? new Blob(file, path, 0, 0) : bytes.withPath(path));
      }
      case Binary, LargeBinary -> out.add(blob(column, i));
      case Utf8, LargeUtf8 -> out.add(new Blob(file, value(column, i).textValue(), 0, 0));
      case List, LargeList, FixedSizeList -> {
        long[] range = range(column, i);
        for (long member = range[0]; member < range[1]; member++) {
          blobs(column.children().get(0), member, out);
        }
      }
      default ->
          throw malformed(
              "column %s is %s, which cannot contain pictures"
                  .formatted(column.name(), column.field().getType()));
    }
  }

  private Blob blob(ArrowColumn column, long i) throws IOException {
    ArrowType type = column.field().getType();
    boolean wide = type instanceof ArrowType.LargeBinary;
    if (!wide && !(type instanceof ArrowType.Binary)) {
      throw malformed("column %s is %s, where bytes should be".formatted(column.name(), type));
    }
    long[] range = offsets(column, i, wide);
    int length = checkedLength(column, range);
    return new Blob(
        file, null, batch.body() + batch.buffers()[2 * batch.buffer(column, 2)] + range[0], length);
  }

  /** Refuses a column that is not read, and a row that has more values than any real one. */
  private void count(ArrowColumn column) {
    if (!column.isRead()) {
      throw malformed(column.whyUnread());
    }
    if (++values > MOST_VALUES) {
      throw malformed(
          "a row with more than %d values in column %s".formatted(MOST_VALUES, column.name()));
    }
  }

  private JsonNode value(ArrowColumn column, long i) throws IOException {
    count(column);
    if (isNull(column, i)) {
      return JSON.nullNode();
    }
    ArrowType type = column.field().getType();
    int data = batch.buffer(column, 1);
    return switch (type.getTypeID()) {
      case Bool -> JSON.booleanNode((element(data, i / 8, 1).get(0) >> (i % 8) & 1) == 1);
      case Int -> integer(data, i, (ArrowType.Int) type);
      case FloatingPoint -> real(data, i, ((ArrowType.FloatingPoint) type).getPrecision());
      case Decimal -> decimal(data, i, (ArrowType.Decimal) type);
      case Utf8, LargeUtf8 ->
          JSON.textNode(
              new String(
                  bytes(column, i, type instanceof ArrowType.LargeUtf8), StandardCharsets.UTF_8));
      case Binary, LargeBinary ->
          JSON.binaryNode(bytes(column, i, type instanceof ArrowType.LargeBinary));
      case FixedSizeBinary -> {
        int width = ((ArrowType.FixedSizeBinary) type).getByteWidth();
        yield JSON.binaryNode(element(data, i, width).array());
      }
      case Date, Time, Timestamp, Duration -> {
        int width = narrowTime(type) ? 4 : 8;
        ByteBuffer value = element(data, i, width);
        yield JSON.numberNode(width == 4 ? value.getInt() : value.getLong());
      }
      case Struct -> {
        ObjectNode object = JSON.objectNode();
        for (ArrowColumn child : column.children()) {
          object.set(child.field().getName(), value(child, i));
        }
        yield object;
      }
      case List, LargeList, FixedSizeList, Map -> {
        ArrayNode array = JSON.arrayNode();
        long[] range = range(column, i);
        for (long member = range[0]; member < range[1]; member++) {
          array.add(value(column.children().get(0), member));
        }
        yield array;
      }
      default -> throw malformed(column.whyUnread());
    };
  }

  /** A little-endian two's complement number and a fixed number of decimal places. */
  private JsonNode decimal(int data, long i, ArrowType.Decimal type) throws IOException {
    byte[] stored = element(data, i, type.getBitWidth() / 8).array();
    byte[] bigEndian = new byte[stored.length];
    for (int k = 0; k < stored.length; k++) {
      bigEndian[k] = stored[stored.length - 1 - k];
    }
    BigInteger unscaled = new BigInteger(bigEndian);
    return type.getScale() == 0
        ? JSON.numberNode(unscaled)
        : DecimalNode.valueOf(new BigDecimal(unscaled, type.getScale()));
  }

  private static boolean narrowTime(ArrowType type) {
    if (type instanceof ArrowType.Time time) {
      return time.getBitWidth() == 32;
    }
    return type instanceof ArrowType.Date date && date.getUnit() == DateUnit.DAY;
  }

  private JsonNode integer(int data, long i, ArrowType.Int type) throws IOException {
    ByteBuffer value = element(data, i, type.getBitWidth() / 8);
    return switch (type.getBitWidth()) {
      case 8 -> JSON.numberNode(type.getIsSigned() ? value.get() : value.get() & 0xff);
      case 16 -> JSON.numberNode(type.getIsSigned() ? value.getShort() : value.getChar());
      case 32 ->
          type.getIsSigned()
              ? JSON.numberNode(value.getInt())
              : JSON.numberNode(Integer.toUnsignedLong(value.getInt()));
      default -> {
        long bits = value.getLong();
        yield type.getIsSigned() || bits >= 0
            ? JSON.numberNode(bits)
            : JSON.numberNode(new BigInteger(Long.toUnsignedString(bits)));
      }
    };
  }

  private JsonNode real(int data, long i, FloatingPointPrecision precision) throws IOException {
    return switch (precision) {
      case HALF -> JSON.numberNode(half(element(data, i, 2).getShort()));
      case SINGLE -> JSON.numberNode(element(data, i, 4).getFloat());
      case DOUBLE -> JSON.numberNode(element(data, i, 8).getDouble());
    };
  }

  /** IEEE 754 binary16. */
  private static float half(short bits) {
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    float magnitude =
        exponent == 0
            ? fraction * 0x1p-24f
            : exponent == 0x1f
                ? (fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN)
                : (0x400 + fraction) * (float) Math.pow(2, exponent - 25);
    return bits < 0 ? -magnitude : magnitude;
  }

  private boolean isNull(ArrowColumn column, long i) throws IOException {
    if (i < 0 || i >= batch.nodes()[2 * column.node()]) {
      throw malformed("column %s has no value %d in its record batch".formatted(column.name(), i));
    }
    if (column.field().getType() instanceof ArrowType.Null) {
      return true;
    }
    if (i / 8 > file.size()) {
      throw malformed("column %s has more values than the file has bits".formatted(column.name()));
    }
    int validity = batch.buffer(column, 0);
    boolean mayBeNull =
        batch.nodes()[2 * column.node() + 1] != 0 && batch.buffers()[2 * validity + 1] > 0;
    return mayBeNull && (element(validity, i / 8, 1).get(0) >> (i % 8) & 1) == 0;
  }

  /** First and last member of a list, the latter exclusive. */
  private long[] range(ArrowColumn column, long i) throws IOException {
    ArrowType type = column.field().getType();
    long[] range =
        type instanceof ArrowType.FixedSizeList fixed
            ? new long[] {i * fixed.getListSize(), (i + 1) * fixed.getListSize()}
            : offsets(column, i, type instanceof ArrowType.LargeList);
    // Members of type null take no space, so only the file's size limits them.
    if (range[1] > batch.nodes()[2 * column.children().get(0).node()]
        || range[1] - range[0] > file.size()) {
      throw malformed("a list in column %s ends beyond its values".formatted(column.name()));
    }
    return range;
  }

  private byte[] bytes(ArrowColumn column, long i, boolean wide) throws IOException {
    long[] range = offsets(column, i, wide);
    int length = checkedLength(column, range);
    bytes += length;
    if (bytes > Math.min(file.size(), MOST_BYTES)) {
      throw malformed("a row with %d bytes or more in column %s".formatted(bytes, column.name()));
    }
    long start = batch.buffers()[2 * batch.buffer(column, 2)] + range[0];
    return file.bytes(batch.body() + start, length);
  }

  private int checkedLength(ArrowColumn column, long[] range) {
    long length = range[1] - range[0];
    if (range[1] > batch.buffers()[2 * batch.buffer(column, 2) + 1] || length > Integer.MAX_VALUE) {
      throw malformed(
          "a value in column %s of %d bytes ends beyond its data".formatted(column.name(), length));
    }
    return (int) length;
  }

  private long[] offsets(ArrowColumn column, long i, boolean wide) throws IOException {
    ByteBuffer two = range(batch.buffer(column, 1), i * (wide ? 8 : 4), wide ? 16 : 8);
    long start = wide ? two.getLong() : two.getInt();
    long end = wide ? two.getLong() : two.getInt();
    if (start < 0 || end < start) {
      throw malformed("column %s has offsets from %d to %d".formatted(column.name(), start, end));
    }
    return new long[] {start, end};
  }

  private ByteBuffer element(int buffer, long i, int width) throws IOException {
    return range(buffer, i * width, width);
  }

  private ByteBuffer range(int buffer, long offset, int length) throws IOException {
    if (offset < 0 || offset > batch.buffers()[2 * buffer + 1] - length) {
      throw malformed("a value extends beyond its buffer");
    }
    return file.read(batch.body() + batch.buffers()[2 * buffer] + offset, length);
  }

  private MalformedFileException malformed(String what) {
    return new MalformedFileException(file.path() + ": " + what);
  }
}
