package dev.palimpsest.mixtures.formats;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.Timestamp;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Union;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The columns of an Arrow schema, and where their values are in every record batch. A schema is
 * checked against limits, because its parts may be shared on disk and unfold to more than any
 * memory.
 */
final class ArrowSchema {
  private static final int DEEPEST = 32;

  /** Fields of a schema, nested ones included, and bytes of their names and metadata. */
  private static final int MOST_FIELDS = 100_000;

  private static final long MOST_TEXT = 1 << 26;

  private final Path file;
  private final Map<String, ArrowColumn> columns = new LinkedHashMap<>();
  private int nodeCount;
  private int bufferCount;
  private int viewCount;

  /**
   * Reads a schema.
   *
   * @param file named in messages
   * @throws MalformedFileException when it is absent, damaged or too large
   */
  ArrowSchema(Path file, org.apache.arrow.flatbuf.@Nullable Schema stored) {
    this.file = file;
    if (stored == null) {
      throw malformed("no Arrow schema");
    }
    new SchemaSize().add(stored);
    for (Field field : Schema.convertSchema(stored).getFields()) {
      columns.put(field.getName(), column(null, field));
    }
  }

  /** Top-level columns by name, in order. */
  Map<String, ArrowColumn> columns() {
    return columns;
  }

  /**
   * A top-level column.
   *
   * @throws MalformedFileException when there is none of this name
   */
  ArrowColumn column(String name) {
    ArrowColumn column = columns.get(name);
    if (column == null) {
      throw malformed("no column '%s'; it has %s".formatted(name, columns.keySet()));
    }
    return column;
  }

  /** Nodes of every batch. */
  int nodeCount() {
    return nodeCount;
  }

  /** Buffers of every batch, without those that its views bring in addition. */
  int bufferCount() {
    return bufferCount;
  }

  /** Views of every batch. */
  int viewCount() {
    return viewCount;
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

  private ArrowColumn column(@Nullable ArrowColumn parent, Field field) {
    ArrowType type = field.getType();
    List<ArrowColumn> children = new ArrayList<>();
    ArrowColumn column =
        new ArrowColumn(parent, field, nodeCount++, bufferCount, viewCount, children);
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

  private MalformedFileException malformed(String what) {
    return new MalformedFileException(file + ": " + what);
  }
}
