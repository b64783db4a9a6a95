package dev.palimpsest.mixtures.formats;

import java.util.List;
import org.apache.arrow.flatbuf.Union;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;

/**
 * Where a field's nodes and buffers are in every batch.
 *
 * @param parent the column that this one is inside
 * @param buffer its first one, not counting those of views
 * @param views the number of views before it
 */
record ArrowColumn(
    @Nullable ArrowColumn parent,
    Field field,
    int node,
    int buffer,
    int views,
    List<ArrowColumn> children) {
  /**
   * The name in messages: that of the top-level column and those of the fields inside, separated by
   * dots.
   */
  String name() {
    return parent == null ? field.getName() : parent.name() + "." + field.getName();
  }

  /** Whether its values are in a dictionary. */
  boolean isEncoded() {
    return field.getDictionary() != null;
  }

  /** Whether values of its type are read. */
  boolean isRead() {
    return !isEncoded()
        && switch (field.getType().getTypeID()) {
          case Union, Interval, RunEndEncoded, ListView, LargeListView, Utf8View, BinaryView ->
              false;
          default -> true;
        };
  }

  /** Itself, or the first column inside that is not read; null if all are. */
  @Nullable ArrowColumn unread() {
    if (!isRead()) {
      return this;
    }
    for (ArrowColumn child : children) {
      ArrowColumn unread = child.unread();
      if (unread != null) {
        return unread;
      }
    }
    return null;
  }

  /** Why it is not read, and what to do, as the end of a sentence. */
  String whyUnread() {
    String way =
        isEncoded()
            ? "write its values (pyarrow: dictionary_decode())"
            : "cast it to a plain type (pyarrow: cast(pa.large_string()) of a string view)";
    return "column %s is %s%s, which is not read; %s, or leave it out of the recipe's columns"
        .formatted(name(), field.getType(), isEncoded() ? " by dictionary" : "", way);
  }
}
