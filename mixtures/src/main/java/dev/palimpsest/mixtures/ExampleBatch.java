package dev.palimpsest.mixtures;

import dev.palimpsest.mixtures.text.TokenSequence;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Decoded examples as Arrow columns in direct memory: {@code id} utf8, {@code position} int64,
 * {@code images} lists of the example's pictures, each a fixed-size list of float32; {@code text},
 * {@code mask_ar}, {@code mask_loss} and {@code mask_input} fixed-size lists of int32. The buffers
 * are little-endian views into the columns, from position 0 to the end, and are valid until {@link
 * #close()}; a consumer may use them without copying.
 */
public final class ExampleBatch implements AutoCloseable {
  private static final String ID = "id";
  private static final String POSITION = "position";
  private static final String IMAGES = "images";
  private static final String TEXT = "text";
  private static final String MASK_AR = "mask_ar";
  private static final String MASK_LOSS = "mask_loss";
  private static final String MASK_INPUT = "mask_input";

  private final PixelMemory memory;
  private final VectorSchemaRoot columns;
  private final long firstIndex;
  private final List<String> ids;
  private final List<Long> positions;
  private final int[] pictures; // of each example
  private final int resolution;
  private final int textColumns;
  private final ByteBuffer images;
  private final ByteBuffer text;
  private final ByteBuffer maskAr;
  private final ByteBuffer maskLoss;
  private final ByteBuffer maskInput;

  /**
   * Allocates the columns; pictures and text are still to be filled.
   *
   * @param memory where the memory for the pixels is taken from and returned to
   * @param positions one per example, like ids and pictures
   * @param pictures the number of pictures of each example
   */
  ExampleBatch(
      BufferAllocator allocator,
      PixelMemory memory,
      long firstIndex,
      List<Long> positions,
      List<String> ids,
      int[] pictures,
      int resolution,
      int textColumns) {
    this.memory = memory;
    this.firstIndex = firstIndex;
    this.positions = List.copyOf(positions);
    this.ids = new CopyOnWriteArrayList<>(ids);
    this.pictures = pictures.clone();
    this.resolution = resolution;
    this.textColumns = textColumns;
    int all = Arrays.stream(pictures).sum();
    long bytes = 3L * resolution * resolution * all * Float.BYTES;
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%d examples with %d pictures of %d x %d pixels need %d bytes and a batch may have %d; make"
                  .formatted(ids.size(), all, resolution, resolution, bytes, Integer.MAX_VALUE)
              + " the (micro-)batch smaller");
    }
    ArrowType real = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
    ArrowType integer = new ArrowType.Int(Integer.SIZE, true);
    Field picture = fixedLists("picture", real, 3 * resolution * resolution);
    Schema schema =
        new Schema(
            List.of(
                Field.notNullable(ID, ArrowType.Utf8.INSTANCE),
                Field.notNullable(POSITION, new ArrowType.Int(Long.SIZE, true)),
                new Field(IMAGES, FieldType.notNullable(ArrowType.List.INSTANCE), List.of(picture)),
                fixedLists(TEXT, integer, textColumns),
                fixedLists(MASK_AR, integer, textColumns),
                fixedLists(MASK_LOSS, integer, textColumns),
                fixedLists(MASK_INPUT, integer, textColumns)));
    columns = VectorSchemaRoot.create(schema, allocator);
    try {
      BigIntVector places = (BigIntVector) columns.getVector(POSITION);
      places.allocateNew(ids.size());
      for (int i = 0; i < ids.size(); i++) {
        places.set(i, positions.get(i));
      }
      allocatePictures(allocator, (ListVector) columns.getVector(IMAGES), all);
      for (String name : List.of(TEXT, MASK_AR, MASK_LOSS, MASK_INPUT)) {
        allocate((FixedSizeListVector) columns.getVector(name), ids.size());
      }
      columns.setRowCount(ids.size());
      images = data((FixedSizeListVector) ((ListVector) columns.getVector(IMAGES)).getDataVector());
      text = data((FixedSizeListVector) columns.getVector(TEXT));
      maskAr = data((FixedSizeListVector) columns.getVector(MASK_AR));
      maskLoss = data((FixedSizeListVector) columns.getVector(MASK_LOSS));
      maskInput = data((FixedSizeListVector) columns.getVector(MASK_INPUT));
    } catch (RuntimeException | Error e) {
      columns.close();
      throw e;
    }
  }

  private static Field fixedLists(String name, ArrowType element, int length) {
    return new Field(
        name,
        FieldType.notNullable(new ArrowType.FixedSizeList(length)),
        List.of(Field.notNullable("item", element)));
  }

  /** Allocates lists and marks everything as present. */
  private static void allocate(FixedSizeListVector lists, int count) {
    lists.setInitialCapacity(count);
    lists.getDataVector().setInitialCapacity(count * lists.getListSize());
    lists.allocateNew();
    setPresent(lists.getValidityBuffer());
    setPresent(lists.getDataVector().getValidityBuffer());
  }

  /**
   * Allocates the lists of pictures. Their buffers are handed to the vectors, because buffers that
   * the vectors allocate themselves are filled with zeros, which takes longer than resizing.
   */
  private void allocatePictures(BufferAllocator allocator, ListVector lists, int all) {
    FixedSizeListVector squares = (FixedSizeListVector) lists.getDataVector();
    int values = all * squares.getListSize();
    try (ArrowBuf none = allocator.getEmpty();
        ArrowBuf offsets = allocator.buffer((pictures.length + 1L) * Integer.BYTES);
        ArrowBuf pixels = memory.take((long) values * Float.BYTES)) {
      int end = 0;
      offsets.setInt(0, end);
      for (int i = 0; i < pictures.length; i++) {
        end += pictures[i];
        offsets.setInt((i + 1L) * Integer.BYTES, end);
      }
      offsets.writerIndex(offsets.capacity());
      lists.loadFieldBuffers(new ArrowFieldNode(pictures.length, 0), List.of(none, offsets));
      squares.loadFieldBuffers(new ArrowFieldNode(all, 0), List.of(none));
      ((Float4Vector) squares.getDataVector())
          .loadFieldBuffers(new ArrowFieldNode(values, 0), List.of(none, pixels));
    }
  }

  /** The elements of lists, float32 or int32: four bytes each. */
  private static ByteBuffer data(FixedSizeListVector lists) {
    long bytes = (long) lists.getValueCount() * lists.getListSize() * Integer.BYTES;
    return lists.getDataVector().getDataBuffer().nioBuffer(0, (int) bytes);
  }

  private static void setPresent(ArrowBuf validity) {
    validity.setOne(0, validity.capacity());
  }

  /**
   * Writes an example's numbers. Different threads may fill different rows.
   *
   * @param pixels receives the buffer for this row's pictures and must fill it
   */
  void fill(int row, TokenSequence tokens, PixelWriter pixels) {
    put(text, row, tokens.text());
    put(maskAr, row, tokens.maskAr());
    put(maskLoss, row, tokens.maskLoss());
    put(maskInput, row, tokens.maskInput());
    int picture = 3 * resolution * resolution;
    int before = Arrays.stream(pictures, 0, row).sum();
    FloatBuffer floats = view(images).asFloatBuffer();
    pixels.writeTo(floats.slice(before * picture, pictures[row] * picture));
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

  /** Number of examples. */
  public int size() {
    return ids.size();
  }

  /**
   * Where the batch begins: a global mixture position, or a position in an evaluation's list. It is
   * different for every batch of a stream.
   */
  public long firstIndex() {
    return firstIndex;
  }

  /** Position of each example, as {@link #firstIndex()} counts. */
  public List<Long> positions() {
    return positions;
  }

  /** Ids, {@code task/id}. */
  public List<String> ids() {
    return List.copyOf(ids);
  }

  /** Number of pictures of each example. */
  public int[] pictures() {
    return pictures.clone();
  }

  /**
   * Number of pictures of every example, F.
   *
   * @throws IllegalStateException if examples have different numbers of pictures
   */
  public int imagesPerExample() {
    if (Arrays.stream(pictures).distinct().count() > 1) {
      throw new IllegalStateException(
          "examples have different numbers of pictures: " + Arrays.toString(pictures));
    }
    return pictures[0];
  }

  /** Square resolution, S. */
  public int resolution() {
    return resolution;
  }

  /** Text columns: {@code textTokens + 1} for training, {@code textTokens} for decoding. */
  public int textColumns() {
    return textColumns;
  }

  /** float32 [P, S, S, 3], values in [-1, 1]: all pictures in the order of the examples. */
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

  /** Renames a row that another example has taken. */
  void rename(int row, String id) {
    ids.set(row, id);
  }

  /** The columns as Arrow vectors; closed with the batch. */
  VectorSchemaRoot columns() {
    VarCharVector names = (VarCharVector) columns.getVector(ID);
    names.allocateNew();
    for (int i = 0; i < ids.size(); i++) {
      names.setSafe(i, ids.get(i).getBytes(StandardCharsets.UTF_8));
    }
    columns.setRowCount(ids.size());
    return columns;
  }

  @Override
  public void close() {
    FixedSizeListVector squares =
        (FixedSizeListVector) ((ListVector) columns.getVector(IMAGES)).getDataVector();
    ArrowBuf pixels = squares.getDataVector().getDataBuffer();
    if (pixels.capacity() == 0) { // already closed, or without pictures
      columns.close();
      return;
    }
    pixels.getReferenceManager().retain();
    columns.close();
    memory.give(pixels);
  }
}
