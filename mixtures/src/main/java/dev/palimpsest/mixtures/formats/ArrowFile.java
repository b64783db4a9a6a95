package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Schema;
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

  private final FileBytes file;
  private final ArrowSchema schema;
  private final List<ArrowBatch> batches = new ArrayList<>();

  /** Bytes of all batches' headers, which do not overlap in a valid file. */
  private long heads;

  /** First row of each batch, followed by the number of rows. */
  private final long[] firstRows;

  private ArrowFile(FileBytes file) throws IOException {
    this.file = file;
    boolean framed =
        file.size() >= MAGIC.length && Arrays.equals(file.bytes(0, MAGIC.length), MAGIC);
    schema = framed ? readFile() : readStream();
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
  private ArrowSchema readStream() throws IOException {
    @Nullable ArrowSchema schema = null;
    for (long at = 0; at + 4 <= file.size(); ) {
      Head head = head(at);
      if (head == null) {
        break;
      }
      if (head.message().headerType() == MessageHeader.Schema) {
        if (schema != null) {
          throw malformed("a second schema at " + at);
        }
        schema = new ArrowSchema(file.path(), (Schema) head.message().header(new Schema()));
      } else if (head.message().headerType() == MessageHeader.RecordBatch) {
        if (schema == null) {
          throw malformed("record batch before the schema");
        }
        batches.add(batch(schema, head));
      }
      at = head.body() + head.message().bodyLength();
    }
    if (schema == null) {
      throw malformed("no Arrow schema");
    }
    return schema;
  }

  /**
   * Reads the footer, which says where the batches are; not every writer repeats the schema before
   * them.
   */
  private ArrowSchema readFile() throws IOException {
    long end = file.size() - MAGIC.length - 4;
    if (end < 8 || !Arrays.equals(file.bytes(end + 4, MAGIC.length), MAGIC)) {
      throw malformed("an Arrow file must end with ARROW1; it is truncated");
    }
    int length = file.read(end, 4).getInt();
    if (length <= 0 || length > Math.min(end - 8, LARGEST_HEAD)) {
      throw malformed("footer of %d bytes".formatted(length));
    }
    Footer footer = Footer.getRootAsFooter(file.read(end - length, length));
    ArrowSchema schema = new ArrowSchema(file.path(), footer.schema());
    for (int i = 0; i < footer.recordBatchesLength(); i++) {
      Head head = head(footer.recordBatches(i).offset());
      if (head == null || head.message().headerType() != MessageHeader.RecordBatch) {
        throw malformed("no record batch where the footer says there is one");
      }
      batches.add(batch(schema, head));
    }
    return schema;
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

  private ArrowBatch batch(ArrowSchema schema, Head message) {
    RecordBatch head = (RecordBatch) message.message().header(new RecordBatch());
    if (head == null) {
      throw malformed("record batch without a header");
    }
    ArrowBatch batch =
        ArrowBatch.of(file.path(), schema, head, message.body(), message.message().bodyLength());
    heads += message.length();
    if (heads > file.size()) {
      throw malformed("record batches that overlap");
    }
    return batch;
  }

  /** Number of rows. */
  public long rows() {
    return firstRows[batches.size()];
  }

  /** Names of the top-level columns, in order. */
  public Collection<String> columns() {
    return schema.columns().keySet();
  }

  /** Why a column is not read, and what to do, as the end of a sentence; empty if it is read. */
  public Optional<String> unread(String name) {
    ArrowColumn unread = schema.column(name).unread();
    return unread == null ? Optional.empty() : Optional.of(unread.whyUnread());
  }

  /**
   * Columns of one row as JSON: structs as objects, lists as arrays, binary as such, decimals as
   * numbers, times as the stored number.
   *
   * @param wanted names of columns, all of them existing
   * @throws MalformedFileException when the row is damaged or a column's type is not read
   */
  public ObjectNode row(long row, Collection<String> wanted) throws IOException {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrowRow values = values(row);
    for (String name : wanted) {
      json.set(name, values.value(schema.column(name)));
    }
    return json;
  }

  /**
   * Pictures in one row's column: a struct of {@code bytes} and {@code path} like Hugging Face's
   * {@code Image}, plain binary, a text (a path), or a list of these. Their bytes are read on
   * demand.
   */
  public List<Blob> blobs(long row, String name) throws IOException {
    return values(row).blobs(schema.column(name));
  }

  /** A value's bytes in the file, or a path instead. Thread-safe. */
  public static final class Blob {
    private final FileBytes file;
    private final @Nullable String path;
    private final long at;
    private final int length;

    Blob(FileBytes file, @Nullable String path, long at, int length) {
      this.file = file;
      this.path = path;
      this.at = at;
      this.length = length;
    }

    /** The same bytes with a path beside them. */
    Blob withPath(@Nullable String beside) {
      return new Blob(file, beside, at, length);
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

  private ArrowRow values(long row) {
    int index = batchIndex(row);
    return new ArrowRow(file, batches.get(index), row - firstRows[index]);
  }

  private MalformedFileException malformed(String what) {
    return new MalformedFileException(file.path() + ": " + what);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
