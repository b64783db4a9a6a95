package dev.palimpsest.mixtures.formats;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.flatbuffers.FlatBufferBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;

/** Where a schema's columns are in a batch, and what is refused of it. */
class ArrowSchemaTest {
  private static final Path FILE = Path.of("some.arrow");
  private static final ArrowType TEXT = ArrowType.Utf8.INSTANCE;
  private static final ArrowType NUMBER = new ArrowType.Int(64, true);

  private static Field field(String name, ArrowType type, Field... children) {
    return new Field(name, FieldType.nullable(type), List.of(children));
  }

  private static ArrowSchema schema(Field... fields) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    builder.finish(new Schema(List.of(fields)).getSchema(builder));
    return new ArrowSchema(
        FILE, org.apache.arrow.flatbuf.Schema.getRootAsSchema(builder.dataBuffer()));
  }

  /** The first node and the first buffer of a column. */
  private static List<Integer> place(ArrowColumn column) {
    return List.of(column.node(), column.buffer());
  }

  /** Two buffers of a number, three of a text, one of a struct, two of a list. */
  @Test
  void columnsComeAfterTheNodesAndBuffersOfThoseBeforeThem() {
    ArrowSchema schema =
        schema(
            field("a", NUMBER),
            field("b", TEXT),
            field("c", ArrowType.Struct.INSTANCE, field("x", TEXT), field("y", NUMBER)),
            field("d", ArrowType.List.INSTANCE, field("item", NUMBER)),
            field("e", NUMBER));
    assertEquals(List.of("a", "b", "c", "d", "e"), List.copyOf(schema.columns().keySet()));
    assertEquals(List.of(0, 0), place(schema.column("a")));
    assertEquals(List.of(1, 2), place(schema.column("b")));
    assertEquals(List.of(2, 5), place(schema.column("c")));
    assertEquals(List.of(4, 9), place(schema.column("c").children().get(1)));
    assertEquals(List.of(5, 11), place(schema.column("d")));
    assertEquals(List.of(7, 15), place(schema.column("e")));
    assertEquals(8, schema.nodeCount());
    assertEquals(17, schema.bufferCount());
    assertEquals("c.y", schema.column("c").children().get(1).name());
  }

  @Test
  void aDictionaryLeavesOnlyIndicesInABatchAndAViewBringsItsOwnBuffers() {
    Field encoded =
        new Field(
            "word", new FieldType(true, NUMBER, new DictionaryEncoding(1, false, null)), List.of());
    ArrowSchema schema =
        schema(encoded, field("view", ArrowType.Utf8View.INSTANCE), field("after", NUMBER));
    assertEquals(List.of(1, 2), place(schema.column("view")));
    assertEquals(List.of(2, 4), place(schema.column("after")));
    assertEquals(1, schema.viewCount());
    assertEquals(1, schema.column("after").views());
    assertEquals(
        "word", Objects.requireNonNull(schema.column("word").unread()).name(), "not decoded");
  }

  @Test
  void aColumnIsUnreadIfAnythingInsideIsAndSaysWhatToDo() {
    ArrowSchema schema =
        schema(field("c", ArrowType.Struct.INSTANCE, field("x", ArrowType.Utf8View.INSTANCE)));
    ArrowColumn unread = Objects.requireNonNull(schema.column("c").unread());
    assertEquals("c.x", unread.name());
    assertEquals(
        "column c.x is Utf8View, which is not read; cast it to a plain type (pyarrow:"
            + " cast(pa.large_string()) of a string view), or leave it out of the recipe's columns",
        unread.whyUnread());
  }

  @Test
  void whatNoRealSchemaHasIsRefused() {
    Field deep = field("x", NUMBER);
    for (int i = 0; i < 40; i++) {
      deep = field("x", ArrowType.Struct.INSTANCE, deep);
    }
    Field[] tooDeep = {deep};
    assertSays(
        assertThrows(MalformedFileException.class, () -> schema(tooDeep)),
        "some.arrow: schema nested deeper than 32");
    assertSays(
        assertThrows(MalformedFileException.class, () -> new ArrowSchema(FILE, null)),
        "some.arrow: no Arrow schema");
    assertSays(
        assertThrows(MalformedFileException.class, () -> schema(field("a", TEXT)).column("b")),
        "no column 'b'; it has [a]");
  }
}
