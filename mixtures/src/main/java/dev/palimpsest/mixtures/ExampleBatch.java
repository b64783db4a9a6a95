package dev.palimpsest.mixtures;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Decoded examples as Arrow columns in direct memory: {@code id} utf8, {@code image} fixed-size
 * lists of float32, {@code text}, {@code mask_ar}, {@code mask_loss} and {@code mask_input}
 * fixed-size lists of int32. The buffers are little-endian views into the columns, from position 0
 * to the end, and are valid until {@link #close()}; a consumer may alias them.
 */
public final class ExampleBatch implements AutoCloseable {
  private static final String ID = "id";
  private static final String IMAGE = "image";
  private static final String TEXT = "text";
  private static final String MASK_AR = "mask_ar";
  private static final String MASK_LOSS = "mask_loss";
  private static final String MASK_INPUT = "mask_input";

  private final VectorSchemaRoot columns;
  private final long firstIndex;
  private final List<String> ids;
  private final int imagesPerExample;
  private final int resolution;
  private final int textColumns;
  private final ByteBuffer images;
  private final ByteBuffer text;
  private final ByteBuffer maskAr;
  private final ByteBuffer maskLoss;
  private final ByteBuffer maskInput;

  /** Allocates the columns; all but the ids are still to be filled. */
  ExampleBatch(
      BufferAllocator allocator,
      long firstIndex,
      List<String> ids,
      int imagesPerExample,
      int resolution,
      int textColumns) {
    this.firstIndex = firstIndex;
    this.ids = List.copyOf(ids);
    this.imagesPerExample = imagesPerExample;
    this.resolution = resolution;
    this.textColumns = textColumns;
    long values = 3L * imagesPerExample * resolution * resolution;
    if (values * ids.size() * Float.BYTES > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%d examples of %d pictures of %d x %d pixels need %d bytes and a batch may have %d; make"
                  .formatted(
                      ids.size(),
                      imagesPerExample,
                      resolution,
                      resolution,
                      values * ids.size() * Float.BYTES,
                      Integer.MAX_VALUE)
              + " the (micro-)batch smaller");
    }
    ArrowType real = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
    ArrowType integer = new ArrowType.Int(Integer.SIZE, true);
    Schema schema =
        new Schema(
            List.of(
                Field.notNullable(ID, ArrowType.Utf8.INSTANCE),
                lists(IMAGE, real, (int) values),
                lists(TEXT, integer, textColumns),
                lists(MASK_AR, integer, textColumns),
                lists(MASK_LOSS, integer, textColumns),
                lists(MASK_INPUT, integer, textColumns)));
    columns = VectorSchemaRoot.create(schema, allocator);
    try {
      VarCharVector names = (VarCharVector) columns.getVector(ID);
      names.allocateNew();
      for (int i = 0; i < ids.size(); i++) {
        names.setSafe(i, ids.get(i).getBytes(StandardCharsets.UTF_8));
      }
      for (String name : List.of(IMAGE, TEXT, MASK_AR, MASK_LOSS, MASK_INPUT)) {
        allocate(name);
      }
      columns.setRowCount(ids.size());
      images = data(IMAGE);
      text = data(TEXT);
      maskAr = data(MASK_AR);
      maskLoss = data(MASK_LOSS);
      maskInput = data(MASK_INPUT);
    } catch (RuntimeException | Error e) {
      columns.close();
      throw e;
    }
  }

  private static Field lists(String name, ArrowType element, int length) {
    return new Field(
        name,
        FieldType.notNullable(new ArrowType.FixedSizeList(length)),
        List.of(Field.notNullable("item", element)));
  }

  /** Allocates a column of lists and marks everything as present. */
  private void allocate(String name) {
    FixedSizeListVector lists = (FixedSizeListVector) columns.getVector(name);
    lists.setInitialCapacity(ids.size());
    lists.getDataVector().setInitialCapacity(ids.size() * lists.getListSize());
    lists.allocateNew();
    setPresent(lists.getValidityBuffer());
    setPresent(lists.getDataVector().getValidityBuffer());
  }

  /** The elements of a column of lists, float32 or int32: four bytes each. */
  private ByteBuffer data(String name) {
    FixedSizeListVector lists = (FixedSizeListVector) columns.getVector(name);
    long bytes = (long) ids.size() * lists.getListSize() * Integer.BYTES;
    return lists.getDataVector().getDataBuffer().nioBuffer(0, (int) bytes);
  }

  private static void setPresent(ArrowBuf validity) {
    validity.setOne(0, validity.capacity());
  }

  /**
   * Writes an example's numbers. Different rows may be filled by different threads.
   *
   * @param pixels gets the buffer for this row's pictures and must fill it
   */
  void fill(int row, TokenSequence tokens, PixelWriter pixels) {
    put(text, row, tokens.text());
    put(maskAr, row, tokens.maskAr());
    put(maskLoss, row, tokens.maskLoss());
    put(maskInput, row, tokens.maskInput());
    int values = 3 * imagesPerExample * resolution * resolution;
    FloatBuffer floats = view(images).asFloatBuffer();
    pixels.writeTo(floats.slice(row * values, values));
  }

  private void put(ByteBuffer column, int row, int[] values) {
    IntBuffer ints = view(column).asIntBuffer();
    ints.put(row * textColumns, values, 0, textColumns);
  }

  /** Fills a buffer with an example's pictures. */
  interface PixelWriter {
    void writeTo(FloatBuffer pixels);
  }

  private static ByteBuffer view(ByteBuffer column) {
    return column.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Examples. */
  public int size() {
    return ids.size();
  }

  /**
   * Global mixture position of the first example (the others follow), or the position in an
   * evaluation's list.
   */
  public long firstIndex() {
    return firstIndex;
  }

  /** Ids, {@code task/id}. */
  public List<String> ids() {
    return ids;
  }

  /** Images an example, F. */
  public int imagesPerExample() {
    return imagesPerExample;
  }

  /** Square resolution, S. */
  public int resolution() {
    return resolution;
  }

  /** Text columns: {@code textTokens + 1} for training, {@code textTokens} for decoding. */
  public int textColumns() {
    return textColumns;
  }

  /** float32 [B, F, S, S, 3], values in [-1, 1]. */
  public ByteBuffer images() {
    return view(images);
  }

  /** int32 [B, textColumns]. */
  public ByteBuffer text() {
    return view(text);
  }

  /** int32 [B, textColumns]. */
  public ByteBuffer maskAr() {
    return view(maskAr);
  }

  /** int32 [B, textColumns]. */
  public ByteBuffer maskLoss() {
    return view(maskLoss);
  }

  /** int32 [B, textColumns]. */
  public ByteBuffer maskInput() {
    return view(maskInput);
  }

  /** The columns, for those who speak Arrow; closed with the batch. */
  VectorSchemaRoot columns() {
    return columns;
  }

  @Override
  public void close() {
    columns.close();
  }
}
