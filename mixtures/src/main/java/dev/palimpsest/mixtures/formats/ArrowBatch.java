package dev.palimpsest.mixtures.formats;

import java.nio.file.Path;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.RecordBatch;

/**
 * One record batch.
 *
 * @param body start of its body in the file
 * @param nodes row count and null count of each node
 * @param buffers offset in the body and length of each buffer
 * @param extra number of buffers of the first views
 */
record ArrowBatch(long body, long rows, long[] nodes, long[] buffers, int[] extra) {
  /**
   * Reads a batch's header, and checks it against the schema and the length of the body.
   *
   * @param file named in messages
   * @throws MalformedFileException when it is damaged, or compressed
   */
  static ArrowBatch of(
      Path file, ArrowSchema schema, RecordBatch head, long body, long bodyLength) {
    if (head.compression() != null) {
      throw malformed(
          file,
          "its record batches are compressed, so that single rows cannot be read; write it"
              + " without compression");
    }
    int nodeCount = schema.nodeCount();
    int[] extra = extraBuffers(file, schema.viewCount(), head);
    int bufferCount = schema.bufferCount() + extra[schema.viewCount()];
    if (head.nodesLength() != nodeCount || head.buffersLength() != bufferCount) {
      throw malformed(
          file,
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
        throw malformed(file, "a buffer extends beyond its record batch");
      }
      buffers[2 * i] = buffer.offset();
      buffers[2 * i + 1] = buffer.length();
    }
    if (head.length() < 0) {
      throw malformed(file, "record batch of %d rows".formatted(head.length()));
    }
    for (ArrowColumn column : schema.columns().values()) {
      if (nodes[2 * column.node()] != head.length()) {
        throw malformed(
            file,
            "a record batch of %d rows with %d of column %s"
                .formatted(head.length(), nodes[2 * column.node()], column.name()));
      }
    }
    return new ArrowBatch(body, head.length(), nodes, buffers, extra);
  }

  /** The number of buffers of the first zero, one, two, ... views of a batch. */
  private static int[] extraBuffers(Path file, int viewCount, RecordBatch head) {
    int[] extra = new int[viewCount + 1];
    if (head.variadicBufferCountsLength() != viewCount) {
      throw malformed(
          file,
          "a record batch gives the buffers of %d views, the schema has %d"
              .formatted(head.variadicBufferCountsLength(), viewCount));
    }
    for (int i = 0; i < viewCount; i++) {
      long count = head.variadicBufferCounts(i);
      if (count < 0 || count > head.buffersLength() - extra[i]) {
        throw malformed(file, "a view of %d buffers".formatted(count));
      }
      extra[i + 1] = extra[i] + (int) count;
    }
    return extra;
  }

  private static MalformedFileException malformed(Path file, String what) {
    return new MalformedFileException(file + ": " + what);
  }

  /** The n-th buffer of a column. */
  int buffer(ArrowColumn column, int n) {
    return column.buffer() + extra[column.views()] + n;
  }
}
