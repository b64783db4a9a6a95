package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Timestamp;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Union;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Reads single rows of an Arrow IPC stream or file in place: opening only reads the headers of the
 * messages, a value costs one or two positional reads, and nothing is mapped or cached. Arrow's own
 * reader would load a whole record batch, which is hundreds of pictures.
 *
 * <p>Compressed batches are refused. Dictionary-encoded columns, views, unions, intervals and
 * run-end encoded columns are not read, nor are columns that contain such; other columns of the
 * same file are. Everything that a file declares is checked against the file's size, and a schema
 * against limits, because its parts may be shared on disk and unfold to more than any memory.
 * Thread-safe.
 */
public final class ArrowFile implements AutoCloseable {
  private static final byte[] MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);
  private static final int CONTINUATION = -1;

  /** More than any real schema needs; a longer header is damaged. */
  private static final int LARGEST_HEAD = 1 << 26;

  private static final int DEEPEST = 32;

  /** Fields of a schema, nested ones included, and bytes of their names and metadata. */
  private static final int MOST_FIELDS = 100_000;

  private static final long MOST_TEXT = 1 << 26;

  /** The most values of a row, members of lists included. */
  private static final int MOST_VALUES = 1 << 20;

  /** The most bytes of a row's texts and binaries, not counting pictures. */
  private static final long MOST_BYTES = 1 << 28;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final FileBytes file;
  private final Map<String, Column> columns = new LinkedHashMap<>();
  private final List<Batch> batches = new ArrayList<>();

  /** Nodes and buffers that the schema gives every batch, and views, which bring more buffers. */
  private int nodeCount;

  private int bufferCount;
  private int viewCount;

  /** Bytes of all batches' headers, which do not overlap in a valid file. */
  private long heads;

  /** First row of each batch, followed by the number of rows. */
  private final long[] firstRows;

  /**
   * Where a field's nodes and buffers are in every batch.
   *
   * @param parent the column that this one is inside
   * @param buffer its first one, not counting those of views
   * @param views the number of views before it
   */
  private record Column(
      @Nullable Column parent,
      Field field,
      int node,
      int buffer,
      int views,
      List<Column> children) {
    /**
     * The name in messages: that of the top-level column and those of the fields inside, separated
     * by dots.
     */
    String name() {
      return parent == null ? field.getName() : parent.name() + "." + field.getName();
    }

    private boolean isEncoded() {
      return field.getDictionary() != null;
    }

    private boolean isRead() {
      return !isEncoded()
          && switch (field.getType().getTypeID()) {
            case Union, Interval, RunEndEncoded, ListView, LargeListView, Utf8View, BinaryView ->
                false;
            default -> true;
          };
    }

    /** Itself, or the first column inside that is not read; null if all are. */
    @Nullable Column unread() {
      if (!isRead()) {
        return this;
      }
      for (Column child : children) {
        Column unread = child.unread();
        if (unread != null) {
          return unread;
        }
      }
      return null;
    }
  }

  /**
   * One record batch.
   *
   * @param body start of its body in the file
   * @param nodes row count and null count of each node
   * @param buffers offset in the body and length of each buffer
   * @param extra number of buffers of the first views
   */
  private record Batch(long body, long rows, long[] nodes, long[] buffers, int[] extra) {
    /** The n-th buffer of a column. */
    int buffer(Column column, int n) {
      return column.buffer + extra[column.views] + n;
    }
  }

  /** What one row has used so far. */
  private static final class Taken {
    private int values;
    private long bytes;
  }

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
      long rows = batches.get(i).rows();
      if (rows > Long.MAX_VALUE - firstRows[i]) {
        throw malformed("record batches of more than 63 bits of rows");
      }
      firstRows[i + 1] = firstRows[i] + rows;
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
        if (schemaSeen) {
          throw malformed("a second schema at " + at);
        }
        schema(
            (org.apache.arrow.flatbuf.Schema)
                head.message().header(new org.apache.arrow.flatbuf.Schema()));
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

  /**
   * Reads the footer, which says where the batches are; not every writer repeats the schema before
   * them.
   */
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
    schema(footer.schema());
    for (int i = 0; i < footer.recordBatchesLength(); i++) {
      Head head = head(footer.recordBatches(i).offset());
      if (head == null || head.message().headerType() != MessageHeader.RecordBatch) {
        throw malformed("no record batch where the footer says there is one");
      }
      batches.add(batch(head));
    }
  }

  /**
   * A message without its body.
   *
   * @param length of the message
   * @param body where the body starts
   */
  private record Head(Message message, int length, long body) {}

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
      throw malformed("message header of %d bytes at %d".formatted(length, at));
    }
    Message message = Message.getRootAsMessage(file.read(at, length));
    long body = at + length;
    if (message.bodyLength() < 0 || message.bodyLength() > file.size() - body) {
      throw malformed(
          "message body of %d bytes at %d extends beyond the file of %d bytes; it is truncated"
              .formatted(message.bodyLength(), body, file.size()));
    }
    return new Head(message, length, body);
  }

  private void schema(org.apache.arrow.flatbuf.@Nullable Schema stored) {
    if (stored == null) {
      throw malformed("no Arrow schema");
    }
    new SchemaSize().add(stored);
    for (Field field : Schema.convertSchema(stored).getFields()) {
      columns.put(field.getName(), column(null, field));
    }
  }

  /**
   * The size of a schema in memory, where it is a tree. On disk, fields and texts may be shared or
   * even contain themselves, so that a kilobyte could unfold to a billion fields.
   */
  private final class SchemaSize {
    private int fields;
    private long text;

    void add(org.apache.arrow.flatbuf.Schema schema) {
      for (int i = 0; i < schema.customMetadataLength(); i++) {
        add(schema.customMetadata(i));
      }
      for (int i = 0; i < schema.fieldsLength(); i++) {
        add(schema.fields(i), 0);
      }
    }

    private void add(org.apache.arrow.flatbuf.Field field, int depth) {
      if (depth > DEEPEST) {
        throw malformed("schema nested deeper than " + DEEPEST);
      }
      if (++fields > MOST_FIELDS) {
        throw malformed("schema of more than %d fields".formatted(MOST_FIELDS));
      }
      add(field.nameAsByteBuffer());
      for (int i = 0; i < field.customMetadataLength(); i++) {
        add(field.customMetadata(i));
      }
      if (field.typeType() == Type.Union && field.type(new Union()) instanceof Union union) {
        add(union.typeIdsAsByteBuffer());
      } else if (field.typeType() == Type.Timestamp
          && field.type(new Timestamp()) instanceof Timestamp timestamp) {
        add(timestamp.timezoneAsByteBuffer());
      }
      for (int i = 0; i < field.childrenLength(); i++) {
        add(field.children(i), depth + 1);
      }
    }

    private void add(KeyValue pair) {
      text += Long.BYTES; // so that empty ones end too
      add(pair.keyAsByteBuffer());
      add(pair.valueAsByteBuffer());
    }

    private void add(@Nullable ByteBuffer bytes) {
      text += bytes == null ? 0 : bytes.remaining();
      if (text > MOST_TEXT) {
        throw malformed("schema with more than %d bytes of names".formatted(MOST_TEXT));
      }
    }
  }

  /**
   * Opens a file and reads the headers of its messages.
   *
   * @throws MalformedFileException when it is not an Arrow IPC file or stream
   */
  public static ArrowFile open(Path path) throws IOException {
    FileBytes file = FileBytes.open(path);
    try {
      FileHead.refuseWrapped(path, FileHead.of(file));
      return new ArrowFile(file);
    } catch (MalformedFileException | IOException e) {
      file.close();
      throw e;
    } catch (RuntimeException e) {
      file.close();
      // Damaged flatbuffers cause IndexOutOfBoundsException and similar.
      throw new MalformedFileException(path + ": not an Arrow IPC file or stream: " + e, e);
    }
  }

  private Column column(@Nullable Column parent, Field field) {
    ArrowType type = field.getType();
    List<Column> children = new ArrayList<>();
    Column column = new Column(parent, field, nodeCount++, bufferCount, viewCount, children);
    bufferCount += buffers(type, column.isEncoded());
    if (column.isEncoded()) {
      return column; // its batches only contain indices
    }
    boolean list =
        switch (type.getTypeID()) {
          case List, LargeList, FixedSizeList, Map -> true;
          case Utf8View, BinaryView -> {
            viewCount++;
            yield false;
          }
          default -> false;
        };
    boolean oddInteger =
        type instanceof ArrowType.Int integer
            && !List.of(8, 16, 32, 64).contains(integer.getBitWidth());
    if (oddInteger || (list && field.getChildren().size() != 1)) {
      throw malformed("column %s of type %s".formatted(column.name(), type));
    }
    for (Field child : field.getChildren()) {
      children.add(column(column, child));
    }
    return column;
  }

  /**
   * Buffers of one node (Arrow columnar format, "Buffer Listing for Each Layout"), of a view
   * without those of its data, whose number is given by each batch.
   */
  private static int buffers(ArrowType type, boolean encoded) {
    if (encoded) {
      return 2;
    }
    return switch (type.getTypeID()) {
      case Null, RunEndEncoded -> 0;
      case Struct, FixedSizeList -> 1;
      case Union -> ((ArrowType.Union) type).getMode() == UnionMode.Sparse ? 1 : 2;
      case Utf8, LargeUtf8, Binary, LargeBinary, ListView, LargeListView -> 3;
      default -> 2;
    };
  }

  private Batch batch(Head message) {
    long body = message.body();
    long bodyLength = message.message().bodyLength();
    RecordBatch head = (RecordBatch) message.message().header(new RecordBatch());
    if (head == null) {
      throw malformed("record batch without a header");
    }
    if (head.compression() != null) {
      throw malformed(
          "its record batches are compressed, so that single rows cannot be read; write it"
              + " without compression");
    }
    heads += message.length();
    if (heads > file.size()) {
      throw malformed("record batches that overlap");
    }
    int[] extra = extraBuffers(head);
    int bufferCount = this.bufferCount + extra[viewCount];
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
        throw malformed("a buffer extends beyond its record batch");
      }
      buffers[2 * i] = buffer.offset();
      buffers[2 * i + 1] = buffer.length();
    }
    if (head.length() < 0) {
      throw malformed("record batch of %d rows".formatted(head.length()));
    }
    for (Column column : columns.values()) {
      if (nodes[2 * column.node()] != head.length()) {
        throw malformed(
            "a record batch of %d rows with %d of column %s"
                .formatted(head.length(), nodes[2 * column.node()], column.name()));
      }
    }
    return new Batch(body, head.length(), nodes, buffers, extra);
  }

  /** The number of buffers of the first zero, one, two, ... views of a batch. */
  private int[] extraBuffers(RecordBatch head) {
    int[] extra = new int[viewCount + 1];
    if (head.variadicBufferCountsLength() != viewCount) {
      throw malformed(
          "a record batch gives the buffers of %d views, the schema has %d"
              .formatted(head.variadicBufferCountsLength(), viewCount));
    }
    for (int i = 0; i < viewCount; i++) {
      long count = head.variadicBufferCounts(i);
      if (count < 0 || count > head.buffersLength() - extra[i]) {
        throw malformed("a view of %d buffers".formatted(count));
      }
      extra[i + 1] = extra[i] + (int) count;
    }
    return extra;
  }

  /** Number of rows. */
  public long rows() {
    return firstRows[batches.size()];
  }

  /** Names of the top-level columns, in order. */
  public Collection<String> columns() {
    return columns.keySet();
  }

  /** Why a column is not read, and what to do, as the end of a sentence; empty if it is read. */
  public Optional<String> unread(String name) {
    Column unread = column(name).unread();
    return unread == null ? Optional.empty() : Optional.of(whyUnread(unread));
  }

  private static String whyUnread(Column column) {
    String way =
        column.isEncoded()
            ? "write its values (pyarrow: dictionary_decode())"
            : "cast it to a plain type (pyarrow: cast(pa.large_string()) of a string view)";
    return "column %s is %s%s, which is not read; %s, or leave it out of the recipe's columns"
        .formatted(
            column.name(),
            column.field().getType(),
            column.isEncoded() ? " by dictionary" : "",
            way);
  }

  /**
   * Columns of one row as JSON: structs as objects, lists as arrays, binary as such, decimals as
   * numbers, times as the stored number.
   *
   * @param wanted names of columns, all of them existing
   * @throws MalformedFileException when the row is damaged or a column's type is not read
   */
  public ObjectNode row(long row, Collection<String> wanted) throws IOException {
    ObjectNode json = JSON.objectNode();
    Batch batch = batch(row);
    long inBatch = row - first(row);
    Taken taken = new Taken();
    for (String name : wanted) {
      json.set(name, value(batch, column(name), inBatch, taken));
    }
    return json;
  }

  /**
   * Pictures in one row's column: a struct of {@code bytes} and {@code path} like Hugging Face's
   * {@code Image}, plain binary, a text (a path), or a list of these. Their bytes are read on
   * demand.
   */
  public List<Blob> blobs(long row, String name) throws IOException {
    List<Blob> blobs = new ArrayList<>();
    blobs(batch(row), column(name), row - first(row), blobs, new Taken());
    return blobs;
  }

  private void blobs(Batch batch, Column column, long i, List<Blob> out, Taken taken)
      throws IOException {
    count(column, taken);
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
            path = value(batch, child, i, taken).textValue();
          }
        }
        if (bytes == null && path == null) {
          throw malformed(column.name() + " holds neither bytes nor a path");
        }
        out.add(bytes == null ? new Blob(path, 0, 0) : new Blob(path, bytes.at, bytes.length));
      }
      case Binary, LargeBinary -> out.add(blob(batch, column, i));
      case Utf8, LargeUtf8 -> out.add(new Blob(value(batch, column, i, taken).textValue(), 0, 0));
      case List, LargeList, FixedSizeList -> {
        long[] range = range(batch, column, i);
        for (long member = range[0]; member < range[1]; member++) {
          blobs(batch, column.children().get(0), member, out, taken);
        }
      }
      default ->
          throw malformed(
              "column %s is %s, which cannot contain pictures"
                  .formatted(column.name(), column.field().getType()));
    }
  }

  /** A value's bytes in the file, or a path instead. Thread-safe. */
  public final class Blob {
    private final @Nullable String path;
    private final long at;
    private final int length;

    private Blob(@Nullable String path, long at, int length) {
      this.path = path;
      this.at = at;
      this.length = length;
    }

    /** The path beside the bytes or instead of them. */
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
    ArrowType type = column.field().getType();
    boolean wide = type instanceof ArrowType.LargeBinary;
    if (!wide && !(type instanceof ArrowType.Binary)) {
      throw malformed("column %s is %s, where bytes should be".formatted(column.name(), type));
    }
    long[] range = offsets(batch, column, i, wide);
    int length = checkedLength(batch, column, range);
    return new Blob(
        null, batch.body() + batch.buffers()[2 * batch.buffer(column, 2)] + range[0], length);
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

  /** Refuses a column that is not read, and a row that has more values than any real one. */
  private void count(Column column, Taken taken) {
    if (!column.isRead()) {
      throw malformed(whyUnread(column));
    }
    if (++taken.values > MOST_VALUES) {
      throw malformed(
          "a row with more than %d values in column %s".formatted(MOST_VALUES, column.name()));
    }
  }

  private JsonNode value(Batch batch, Column column, long i, Taken taken) throws IOException {
    count(column, taken);
    if (isNull(batch, column, i)) {
      return JSON.nullNode();
    }
    ArrowType type = column.field().getType();
    int data = batch.buffer(column, 1);
    return switch (type.getTypeID()) {
      case Bool -> JSON.booleanNode((element(batch, data, i / 8, 1).get(0) >> (i % 8) & 1) == 1);
      case Int -> integer(batch, data, i, (ArrowType.Int) type);
      case FloatingPoint -> real(batch, data, i, ((ArrowType.FloatingPoint) type).getPrecision());
      case Decimal -> decimal(batch, data, i, (ArrowType.Decimal) type);
      case Utf8, LargeUtf8 ->
          JSON.textNode(
              new String(
                  bytes(batch, column, i, type instanceof ArrowType.LargeUtf8, taken),
                  StandardCharsets.UTF_8));
      case Binary, LargeBinary ->
          JSON.binaryNode(bytes(batch, column, i, type instanceof ArrowType.LargeBinary, taken));
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
          object.set(child.field().getName(), value(batch, child, i, taken));
        }
        yield object;
      }
      case List, LargeList, FixedSizeList, Map -> {
        ArrayNode array = JSON.arrayNode();
        long[] range = range(batch, column, i);
        for (long member = range[0]; member < range[1]; member++) {
          array.add(value(batch, column.children().get(0), member, taken));
        }
        yield array;
      }
      default -> throw malformed(whyUnread(column));
    };
  }

  /** A little-endian two's complement number and a fixed number of decimal places. */
  private JsonNode decimal(Batch batch, int data, long i, ArrowType.Decimal type)
      throws IOException {
    byte[] stored = element(batch, data, i, type.getBitWidth() / 8).array();
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
            : JSON.numberNode(new BigInteger(Long.toUnsignedString(bits)));
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
    if (i / 8 > file.size()) {
      throw malformed("column %s has more values than the file has bits".formatted(column.name()));
    }
    int validity = batch.buffer(column, 0);
    boolean mayBeNull =
        batch.nodes()[2 * column.node() + 1] != 0 && batch.buffers()[2 * validity + 1] > 0;
    return mayBeNull && (element(batch, validity, i / 8, 1).get(0) >> (i % 8) & 1) == 0;
  }

  /** First and last member of a list, the latter exclusive. */
  private long[] range(Batch batch, Column column, long i) throws IOException {
    ArrowType type = column.field().getType();
    long[] range =
        type instanceof ArrowType.FixedSizeList fixed
            ? new long[] {i * fixed.getListSize(), (i + 1) * fixed.getListSize()}
            : offsets(batch, column, i, type instanceof ArrowType.LargeList);
    // Members of type null take no space, so only the file's size limits them.
    if (range[1] > batch.nodes()[2 * column.children().get(0).node()]
        || range[1] - range[0] > file.size()) {
      throw malformed("a list in column %s ends beyond its values".formatted(column.name()));
    }
    return range;
  }

  private byte[] bytes(Batch batch, Column column, long i, boolean wide, Taken taken)
      throws IOException {
    long[] range = offsets(batch, column, i, wide);
    int length = checkedLength(batch, column, range);
    taken.bytes += length;
    if (taken.bytes > Math.min(file.size(), MOST_BYTES)) {
      throw malformed(
          "a row with %d bytes or more in column %s".formatted(taken.bytes, column.name()));
    }
    long start = batch.buffers()[2 * batch.buffer(column, 2)] + range[0];
    return file.bytes(batch.body() + start, length);
  }

  private int checkedLength(Batch batch, Column column, long[] range) {
    long length = range[1] - range[0];
    if (range[1] > batch.buffers()[2 * batch.buffer(column, 2) + 1] || length > Integer.MAX_VALUE) {
      throw malformed(
          "a value in column %s of %d bytes ends beyond its data".formatted(column.name(), length));
    }
    return (int) length;
  }

  private long[] offsets(Batch batch, Column column, long i, boolean wide) throws IOException {
    ByteBuffer two = range(batch, batch.buffer(column, 1), i * (wide ? 8 : 4), wide ? 16 : 8);
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
      throw malformed("a value extends beyond its buffer");
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
