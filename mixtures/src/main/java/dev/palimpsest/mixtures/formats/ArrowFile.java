package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Single rows of an Arrow IPC stream or file, read where they stand: opening reads the messages'
 * heads alone, a value costs one or two positional reads, and nothing is mapped or cached. Arrow's
 * own reader loads a whole record batch instead, which is hundreds of pictures.
 *
 * <p>Compressed batches are refused, and so are, when they are read, columns encoded by dictionary,
 * decimals and intervals. Thread-safe.
 */
public final class ArrowFile implements AutoCloseable {
  private static final byte[] MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);
  private static final int CONTINUATION = -1;

  /** More than any real schema needs; a longer head is a damaged one. */
  private static final int LARGEST_HEAD = 1 << 26;

  private static final int DEEPEST = 32;
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final FileBytes file;
  private final Map<String, Column> columns = new LinkedHashMap<>();
  private final List<Batch> batches = new ArrayList<>();

  /** Nodes and buffers that the schema gives every batch. */
  private int nodeCount;

  private int bufferCount;

  /** First row of each batch, and at last the number of rows. */
  private final long[] firstRows;

  /**
   * Where a field's nodes and buffers stand in every batch.
   *
   * @param name as messages say it: the top-level column's and those of what is inside, with dots
   */
  private record Column(String name, Field field, int node, int buffer, List<Column> children) {}

  /**
   * One record batch.
   *
   * @param body start of its body in the file
   * @param nodes row count and null count of each node
   * @param buffers offset in the body and length of each buffer
   */
  private record Batch(long body, long rows, long[] nodes, long[] buffers) {}

  private ArrowFile(FileBytes file) throws IOException {
    this.file = file;
    boolean framed =
        file.size() >= MAGIC.length && Arrays.equals(file.bytes(0, MAGIC.length), MAGIC);
    if (framed) {
      readFile();
    } else {
      readStream();
    }
    firstRows = new long[batches.size() + 1];
    for (int i = 0; i < batches.size(); i++) {
      firstRows[i + 1] = firstRows[i] + batches.get(i).rows();
    }
  }

  /** Messages one after the other, the schema first. */
  private void readStream() throws IOException {
    boolean schemaSeen = false;
    for (long at = 0; at + 4 <= file.size(); ) {
      Head head = head(at);
      if (head == null) {
        break;
      }
      if (head.message().headerType() == MessageHeader.Schema) {
        schema(MessageSerializer.deserializeSchema(head.message()));
        schemaSeen = true;
      } else if (head.message().headerType() == MessageHeader.RecordBatch) {
        if (!schemaSeen) {
          throw malformed("record batch before the schema");
        }
        batches.add(batch(head));
      }
      at = head.body() + head.message().bodyLength();
    }
    if (!schemaSeen) {
      throw malformed("no Arrow schema");
    }
  }

  /** The footer says where the batches are; not every writer repeats the schema before them. */
  private void readFile() throws IOException {
    long end = file.size() - MAGIC.length - 4;
    if (end < 8 || !Arrays.equals(file.bytes(end + 4, MAGIC.length), MAGIC)) {
      throw malformed("an Arrow file must end with ARROW1; it is truncated");
    }
    int length = file.read(end, 4).getInt();
    if (length <= 0 || length > Math.min(end - 8, LARGEST_HEAD)) {
      throw malformed("footer of %d bytes".formatted(length));
    }
    Footer footer = Footer.getRootAsFooter(file.read(end - length, length));
    schema(Schema.convertSchema(footer.schema()));
    for (int i = 0; i < footer.recordBatchesLength(); i++) {
      Head head = head(footer.recordBatches(i).offset());
      if (head == null || head.message().headerType() != MessageHeader.RecordBatch) {
        throw malformed("no record batch where the footer says");
      }
      batches.add(batch(head));
    }
  }

  /**
   * A message without its body.
   *
   * @param body where that starts
   */
  private record Head(Message message, long body) {}

  /** The message at a position; null at the end of a stream. */
  private @Nullable Head head(long from) throws IOException {
    long at = from + 4;
    int length = file.read(from, 4).getInt();
    if (length == CONTINUATION) {
      length = file.read(at, 4).getInt();
      at += 4;
    }
    if (length == 0) {
      return null;
    }
    if (length < 0 || length > LARGEST_HEAD) {
      throw malformed("message head of %d bytes at %d".formatted(length, at));
    }
    Message message = Message.getRootAsMessage(file.read(at, length));
    long body = at + length;
    if (message.bodyLength() < 0 || message.bodyLength() > file.size() - body) {
      throw malformed(
          "message body of %d bytes at %d leaves the file of %d bytes; it is truncated"
              .formatted(message.bodyLength(), body, file.size()));
    }
    return new Head(message, body);
  }

  private void schema(Schema schema) {
    for (Field field : schema.getFields()) {
      columns.put(field.getName(), column(field.getName(), field, 0));
    }
  }

  /**
   * Opens a file and reads its messages' heads.
   *
   * @throws MalformedFileException when it is no Arrow IPC file or stream
   */
  public static ArrowFile open(Path path) throws IOException {
    FileBytes file = FileBytes.open(path);
    try {
      return new ArrowFile(file);
    } catch (MalformedFileException | IOException e) {
      file.close();
      throw e;
    } catch (RuntimeException e) {
      file.close();
      // Damaged flatbuffers show as IndexOutOfBounds and the like.
      throw new MalformedFileException(path + ": not an Arrow IPC file or stream: " + e, e);
    }
  }

  private Column column(String name, Field field, int depth) {
    if (depth > DEEPEST) {
      throw malformed("schema nested deeper than " + DEEPEST);
    }
    int node = nodeCount++;
    int buffer = bufferCount;
    ArrowType type = field.getType();
    if (!(type instanceof ArrowType.Null)) {
      bufferCount += buffers(type, field.getDictionary() != null);
    }
    boolean list =
        switch (type.getTypeID()) {
          case List, LargeList, FixedSizeList, Map -> true;
          default -> false;
        };
    boolean oddInteger =
        type instanceof ArrowType.Int integer
            && !List.of(8, 16, 32, 64).contains(integer.getBitWidth());
    if (oddInteger || (list && field.getChildren().size() != 1)) {
      throw malformed("column %s of type %s".formatted(name, type));
    }
    List<Column> children = new ArrayList<>();
    for (Field child : field.getChildren()) {
      children.add(column(name + "." + child.getName(), child, depth + 1));
    }
    return new Column(name, field, node, buffer, children);
  }

  /** Buffers of one node (Arrow columnar format, "Buffer Listing for Each Layout"). */
  private int buffers(ArrowType type, boolean encoded) {
    if (encoded) {
      return 2;
    }
    return switch (type.getTypeID()) {
      case Struct, FixedSizeList -> 1;
      case Utf8, LargeUtf8, Binary, LargeBinary -> 3;
      case Union, Utf8View, BinaryView, ListView, LargeListView, RunEndEncoded ->
          throw malformed("column type " + type + " is not read");
      default -> 2;
    };
  }

  private Batch batch(Head message) {
    long body = message.body();
    long bodyLength = message.message().bodyLength();
    RecordBatch head = (RecordBatch) message.message().header(new RecordBatch());
    if (head == null) {
      throw malformed("record batch without a head");
    }
    if (head.compression() != null) {
      throw malformed(
          "its record batches are compressed, and single rows cannot be read of those; write it"
              + " without compression");
    }
    if (head.nodesLength() != nodeCount || head.buffersLength() != bufferCount) {
      throw malformed(
          "a record batch has %d nodes and %d buffers, the schema %d and %d"
              .formatted(head.nodesLength(), head.buffersLength(), nodeCount, bufferCount));
    }
    long[] nodes = new long[2 * nodeCount];
    for (int i = 0; i < nodeCount; i++) {
      FieldNode node = head.nodes(i);
      nodes[2 * i] = node.length();
      nodes[2 * i + 1] = node.nullCount();
    }
    long[] buffers = new long[2 * bufferCount];
    for (int i = 0; i < bufferCount; i++) {
      Buffer buffer = head.buffers(i);
      if (buffer.offset() < 0
          || buffer.length() < 0
          || buffer.offset() > bodyLength - buffer.length()) {
        throw malformed("a buffer leaves its record batch");
      }
      buffers[2 * i] = buffer.offset();
      buffers[2 * i + 1] = buffer.length();
    }
    if (head.length() < 0) {
      throw malformed("record batch of %d rows".formatted(head.length()));
    }
    return new Batch(body, head.length(), nodes, buffers);
  }

  /** Rows of the file. */
  public long rows() {
    return firstRows[batches.size()];
  }

  /** Names of the top-level columns, in order. */
  public Collection<String> columns() {
    return columns.keySet();
  }

  /**
   * Columns of one row as JSON: structs as objects, lists as arrays, binary as such, times as the
   * stored number.
   *
   * @param wanted names of columns, all of them existing
   * @throws MalformedFileException when the row is damaged or a column's type is not read
   */
  public ObjectNode row(long row, Collection<String> wanted) throws IOException {
    ObjectNode json = JSON.objectNode();
    Batch batch = batch(row);
    long inBatch = row - first(row);
    for (String name : wanted) {
      json.set(name, value(batch, column(name), inBatch));
    }
    return json;
  }

  /**
   * Pictures of one row's column: a struct of {@code bytes} and {@code path} as Hugging Face's
   * {@code Image}, plain binary, a text (a path), or a list of those. Their bytes are read when
   * they are asked for.
   */
  public List<Blob> blobs(long row, String name) throws IOException {
    List<Blob> blobs = new ArrayList<>();
    blobs(batch(row), column(name), row - first(row), blobs);
    return blobs;
  }

  private void blobs(Batch batch, Column column, long i, List<Blob> out) throws IOException {
    if (isNull(batch, column, i)) {
      return;
    }
    switch (column.field().getType().getTypeID()) {
      case Struct -> {
        Blob bytes = null;
        String path = null;
        for (Column child : column.children()) {
          if (child.field().getName().equals("bytes") && !isNull(batch, child, i)) {
            bytes = blob(batch, child, i);
          } else if (child.field().getName().equals("path")) {
            path = value(batch, child, i).textValue();
          }
        }
        if (bytes == null && path == null) {
          throw malformed(column.name() + " holds neither bytes nor a path");
        }
        out.add(bytes == null ? new Blob(path, 0, 0) : new Blob(path, bytes.at, bytes.length));
      }
      case Binary, LargeBinary -> out.add(blob(batch, column, i));
      case Utf8, LargeUtf8 -> out.add(new Blob(value(batch, column, i).textValue(), 0, 0));
      case List, LargeList, FixedSizeList -> {
        long[] range = range(batch, column, i);
        for (long member = range[0]; member < range[1]; member++) {
          blobs(batch, column.children().get(0), member, out);
        }
      }
      default ->
          throw malformed(
              "column %s is %s, which holds no picture"
                  .formatted(column.name(), column.field().getType()));
    }
  }

  /** A value's bytes in the file, or a path in their place. Thread-safe. */
  public final class Blob {
    private final @Nullable String path;
    private final long at;
    private final int length;

    private Blob(@Nullable String path, long at, int length) {
      this.path = path;
      this.at = at;
      this.length = length;
    }

    /** The path beside the bytes, or in their place. */
    public @Nullable String path() {
      return path;
    }

    /** Whether the bytes are in the file. */
    public boolean isEmbedded() {
      return at > 0;
    }

    /** Reads the bytes. */
    public byte[] read() throws IOException {
      return file.bytes(at, length);
    }
  }

  private Blob blob(Batch batch, Column column, long i) throws IOException {
    boolean wide = column.field().getType() instanceof ArrowType.LargeBinary;
    long[] range = offsets(batch, column, column.buffer() + 1, i, wide);
    int length = checkedLength(batch, column, range);
    return new Blob(
        null, batch.body() + batch.buffers()[2 * (column.buffer() + 2)] + range[0], length);
  }

  private Column column(String name) {
    Column column = columns.get(name);
    if (column == null) {
      throw malformed("no column '%s'; it has %s".formatted(name, columns.keySet()));
    }
    return column;
  }

  private int batchIndex(long row) {
    if (row < 0 || row >= rows()) {
      throw new IndexOutOfBoundsException("%s has no row %d".formatted(file.path(), row));
    }
    int found = Arrays.binarySearch(firstRows, row);
    int index = found >= 0 ? found : -found - 2;
    while (batches.get(index).rows() == 0) {
      index++; // several batches begin at this row; only the last is not empty
    }
    return index;
  }

  private Batch batch(long row) {
    return batches.get(batchIndex(row));
  }

  private long first(long row) {
    return firstRows[batchIndex(row)];
  }

  // ---- values ------------------------------------------------------------------------------

  private JsonNode value(Batch batch, Column column, long i) throws IOException {
    if (isNull(batch, column, i)) {
      return JSON.nullNode();
    }
    if (column.field().getDictionary() != null) {
      throw unread(column);
    }
    ArrowType type = column.field().getType();
    int data = column.buffer() + 1;
    return switch (type.getTypeID()) {
      case Null -> JSON.nullNode();
      case Bool -> JSON.booleanNode((element(batch, data, i / 8, 1).get(0) >> (i % 8) & 1) == 1);
      case Int -> integer(batch, data, i, (ArrowType.Int) type);
      case FloatingPoint -> real(batch, data, i, ((ArrowType.FloatingPoint) type).getPrecision());
      case Utf8, LargeUtf8 ->
          JSON.textNode(
              new String(
                  bytes(batch, column, i, type instanceof ArrowType.LargeUtf8),
                  StandardCharsets.UTF_8));
      case Binary, LargeBinary ->
          JSON.binaryNode(bytes(batch, column, i, type instanceof ArrowType.LargeBinary));
      case FixedSizeBinary -> {
        int width = ((ArrowType.FixedSizeBinary) type).getByteWidth();
        yield JSON.binaryNode(element(batch, data, i, width).array());
      }
      case Date, Time, Timestamp, Duration -> {
        int width = narrowTime(type) ? 4 : 8;
        ByteBuffer value = element(batch, data, i, width);
        yield JSON.numberNode(width == 4 ? value.getInt() : value.getLong());
      }
      case Struct -> {
        ObjectNode object = JSON.objectNode();
        for (Column child : column.children()) {
          object.set(child.field().getName(), value(batch, child, i));
        }
        yield object;
      }
      case List, LargeList, FixedSizeList, Map -> {
        ArrayNode array = JSON.arrayNode();
        long[] range = range(batch, column, i);
        for (long member = range[0]; member < range[1]; member++) {
          array.add(value(batch, column.children().get(0), member));
        }
        yield array;
      }
      default -> throw unread(column);
    };
  }

  private MalformedFileException unread(Column column) {
    return malformed(
        "column %s is %s%s, which is not read; leave it out of the recipe's columns"
            .formatted(
                column.name(),
                column.field().getType(),
                column.field().getDictionary() == null ? "" : " by dictionary"));
  }

  private static boolean narrowTime(ArrowType type) {
    if (type instanceof ArrowType.Time time) {
      return time.getBitWidth() == 32;
    }
    return type instanceof ArrowType.Date date && date.getUnit() == DateUnit.DAY;
  }

  private JsonNode integer(Batch batch, int data, long i, ArrowType.Int type) throws IOException {
    ByteBuffer value = element(batch, data, i, type.getBitWidth() / 8);
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
            : JSON.numberNode(new java.math.BigInteger(Long.toUnsignedString(bits)));
      }
    };
  }

  private JsonNode real(Batch batch, int data, long i, FloatingPointPrecision precision)
      throws IOException {
    return switch (precision) {
      case HALF -> JSON.numberNode(half(element(batch, data, i, 2).getShort()));
      case SINGLE -> JSON.numberNode(element(batch, data, i, 4).getFloat());
      case DOUBLE -> JSON.numberNode(element(batch, data, i, 8).getDouble());
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

  private boolean isNull(Batch batch, Column column, long i) throws IOException {
    if (i < 0 || i >= batch.nodes()[2 * column.node()]) {
      throw malformed("column %s has no value %d in its record batch".formatted(column.name(), i));
    }
    if (column.field().getType() instanceof ArrowType.Null) {
      return true;
    }
    boolean mayBeNull =
        batch.nodes()[2 * column.node() + 1] != 0 && batch.buffers()[2 * column.buffer() + 1] > 0;
    return mayBeNull && (element(batch, column.buffer(), i / 8, 1).get(0) >> (i % 8) & 1) == 0;
  }

  /** First and last member, exclusive, of a list. */
  private long[] range(Batch batch, Column column, long i) throws IOException {
    ArrowType type = column.field().getType();
    long[] range =
        type instanceof ArrowType.FixedSizeList fixed
            ? new long[] {i * fixed.getListSize(), (i + 1) * fixed.getListSize()}
            : offsets(batch, column, column.buffer() + 1, i, type instanceof ArrowType.LargeList);
    // Members of type null take no room, so that only the file's size bounds them.
    if (range[1] > batch.nodes()[2 * column.children().get(0).node()]
        || range[1] - range[0] > file.size()) {
      throw malformed("a list of column %s ends too late".formatted(column.name()));
    }
    return range;
  }

  private byte[] bytes(Batch batch, Column column, long i, boolean wide) throws IOException {
    long[] range = offsets(batch, column, column.buffer() + 1, i, wide);
    int length = checkedLength(batch, column, range);
    long start = batch.buffers()[2 * (column.buffer() + 2)] + range[0];
    return file.bytes(batch.body() + start, length);
  }

  private int checkedLength(Batch batch, Column column, long[] range) {
    long length = range[1] - range[0];
    if (range[1] > batch.buffers()[2 * (column.buffer() + 2) + 1] || length > Integer.MAX_VALUE) {
      throw malformed(
          "a value of column %s of %d bytes ends too late".formatted(column.name(), length));
    }
    return (int) length;
  }

  private long[] offsets(Batch batch, Column column, int buffer, long i, boolean wide)
      throws IOException {
    ByteBuffer two = range(batch, buffer, i * (wide ? 8 : 4), wide ? 16 : 8);
    long start = wide ? two.getLong() : two.getInt();
    long end = wide ? two.getLong() : two.getInt();
    if (start < 0 || end < start) {
      throw malformed("column %s has offsets from %d to %d".formatted(column.name(), start, end));
    }
    return new long[] {start, end};
  }

  private ByteBuffer element(Batch batch, int buffer, long i, int width) throws IOException {
    return range(batch, buffer, i * width, width);
  }

  private ByteBuffer range(Batch batch, int buffer, long offset, int length) throws IOException {
    if (offset < 0 || offset > batch.buffers()[2 * buffer + 1] - length) {
      throw malformed("a value leaves its buffer");
    }
    return file.read(batch.body() + batch.buffers()[2 * buffer] + offset, length);
  }

  private MalformedFileException malformed(String what) {
    return new MalformedFileException(file.path() + ": " + what);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
