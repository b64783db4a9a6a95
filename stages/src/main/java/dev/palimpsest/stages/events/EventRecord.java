package dev.palimpsest.stages.events;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A record of TensorBoard's event files: a protobuf message {@code tensorflow.Event} in the frame
 * of a TFRecord.
 *
 * <pre>
 * record   uint64 length | uint32 masked CRC32C of the length | message | uint32 masked CRC32C of it
 * Event    1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary, 7: SessionLog
 * Summary  1: repeated Value {1: string tag, 2: float simple_value}
 * </pre>
 *
 * All numbers of the frame are little-endian (TensorFlow, {@code lib/io/record_writer.h} and {@code
 * core/util/event.proto}).
 */
final class EventRecord {
  private static final int MASK_DELTA = 0xa282ead8;
  private static final int DOUBLE = 1; // wire types
  private static final int BYTES = 2;
  private static final int FLOAT = 5;

  private final ByteArrayOutputStream message = new ByteArrayOutputStream();

  private EventRecord(double wallTime) {
    tag(1, DOUBLE);
    fixed(8, Double.doubleToLongBits(wallTime));
  }

  /** The first record of a file. */
  static byte[] version(double wallTime) {
    EventRecord event = new EventRecord(wallTime);
    event.bytes(3, "brain.Event:2".getBytes(StandardCharsets.US_ASCII));
    return event.framed();
  }

  /** Says that what a reader knows of the same folder from before is no longer valid. */
  static byte[] start(double wallTime) {
    EventRecord event = new EventRecord(wallTime);
    event.bytes(7, new byte[] {1 << 3, 1}); // status: START
    return event.framed();
  }

  /**
   * Values at a step.
   *
   * @param scalars by tag
   */
  static byte[] scalars(double wallTime, long step, Map<String, Double> scalars) {
    EventRecord event = new EventRecord(wallTime);
    event.tag(2, 0);
    event.varint(step);
    EventRecord summary = new EventRecord();
    scalars.forEach(
        (name, number) -> {
          EventRecord value = new EventRecord();
          value.bytes(1, name.getBytes(StandardCharsets.UTF_8));
          value.tag(2, FLOAT);
          value.fixed(4, Float.floatToIntBits(number.floatValue()));
          summary.bytes(1, value.message.toByteArray());
        });
    event.bytes(5, summary.message.toByteArray());
    return event.framed();
  }

  private EventRecord() {}

  private void tag(int field, int type) {
    varint(((long) field << 3) | type);
  }

  private void varint(long number) {
    long rest = number;
    while ((rest & ~0x7fL) != 0) {
      message.write((int) ((rest & 0x7f) | 0x80));
      rest >>>= 7;
    }
    message.write((int) rest);
  }

  private void fixed(int bytes, long bits) {
    for (int i = 0; i < bytes; i++) {
      message.write((int) (bits >>> (8 * i)));
    }
  }

  private void bytes(int field, byte[] content) {
    tag(field, BYTES);
    varint(content.length);
    message.writeBytes(content);
  }

  private byte[] framed() {
    byte[] content = message.toByteArray();
    ByteBuffer record =
        ByteBuffer.allocate(8 + 4 + content.length + 4).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(content.length);
    record.putInt(maskedCrc(record.array(), 0, 8));
    record.put(content);
    record.putInt(maskedCrc(content, 0, content.length));
    return record.array();
  }

  /** CRC32C, rotated and shifted so that a CRC over data that contain CRCs is safe. */
  static int maskedCrc(byte[] data, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(data, from, length);
    int value = (int) crc.getValue();
    return ((value >>> 15) | (value << 17)) + MASK_DELTA;
  }
}
