package dev.palimpsest.checkpoints.tensors;

import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.files.CorrectedFile;
import dev.palimpsest.files.Durable;
import dev.palimpsest.files.WrittenFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/**
 * Writes npz files as {@code numpy.savez} does: stored members, zip64 if sizes or offsets need it,
 * all dated 1 January 1980, so that equal tensors give equal bytes.
 */
public final class NpzWriter {
  private static final long ZIP64_FROM = 0xffff_ffffL;
  private static final int DATE = (1 << 5) | 1; // 1980-01-01

  private final CorrectedFile file;
  private final long zip64From;
  private final List<Entry> entries = new ArrayList<>();

  private record Entry(byte[] name, long offset, long size, int crc) {}

  private NpzWriter(CorrectedFile file, long zip64From) {
    this.file = file;
    this.zip64From = zip64From;
  }

  /** Writes an archive. */
  public static void write(CorrectedFile file, List<Tensor> tensors) throws IOException {
    write(file, tensors, ZIP64_FROM);
  }

  /** Creates a file, complete or not at all. */
  public static WrittenFile write(Path target, List<Tensor> tensors) {
    return Durable.fileHashed(target, file -> write(file, tensors));
  }

  /** With another size from which zip64 records are written, for tests. */
  public static void write(CorrectedFile file, List<Tensor> tensors, long zip64From)
      throws IOException {
    NpzWriter writer = new NpzWriter(file, zip64From);
    for (Tensor tensor : tensors) {
      writer.member(tensor);
      file.finalUpTo(file.position());
    }
    writer.directory();
    file.finalUpTo(file.position());
  }

  private void member(Tensor tensor) throws IOException {
    byte[] name = (tensor.info().name() + ".npy").getBytes(StandardCharsets.UTF_8);
    byte[] head = NpyHeader.write(tensor.info());
    long size = head.length + tensor.info().byteSize();
    long offset = file.position();
    TensorOutput.writeFully(file, localHeader(name, size, 0));
    CRC32 crc = new CRC32();
    WritableByteChannel counted =
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer bytes) throws IOException {
            ByteBuffer written = bytes.duplicate();
            int n = file.write(bytes);
            crc.update(written.limit(written.position() + n));
            return n;
          }

          @Override
          public boolean isOpen() {
            return file.isOpen();
          }

          @Override
          public void close() {}
        };
    TensorOutput.writeFully(counted, ByteBuffer.wrap(head));
    tensor.writeTo(counted);
    // The CRC is only known now; the length of the header does not change.
    file.correct(offset, localHeader(name, size, (int) crc.getValue()));
    entries.add(new Entry(name, offset, size, (int) crc.getValue()));
  }

  private ByteBuffer localHeader(byte[] name, long size, int crc) {
    boolean wide = size >= zip64From;
    ByteBuffer b = buffer(30 + name.length + (wide ? 20 : 0));
    b.putInt(0x04034b50).putShort(version(wide)).putShort(utf8()).putShort((short) 0);
    b.putShort((short) 0).putShort((short) DATE).putInt(crc);
    b.putInt(wide ? -1 : (int) size).putInt(wide ? -1 : (int) size);
    b.putShort((short) name.length).putShort((short) (wide ? 20 : 0)).put(name);
    if (wide) {
      b.putShort((short) 1).putShort((short) 16).putLong(size).putLong(size);
    }
    return b.flip();
  }

  private void directory() throws IOException {
    long start = file.position();
    for (Entry entry : entries) {
      boolean wideSize = entry.size >= zip64From;
      boolean wideOffset = entry.offset >= zip64From;
      int extra = (wideSize ? 16 : 0) + (wideOffset ? 8 : 0);
      int extraLength = extra == 0 ? 0 : extra + 4;
      ByteBuffer b = buffer(46 + entry.name.length + extraLength);
      short version = version(extra > 0);
      b.putInt(0x02014b50).putShort(version).putShort(version).putShort(utf8());
      b.putShort((short) 0).putShort((short) 0).putShort((short) DATE).putInt(entry.crc);
      b.putInt(wideSize ? -1 : (int) entry.size).putInt(wideSize ? -1 : (int) entry.size);
      b.putShort((short) entry.name.length).putShort((short) extraLength);
      b.putShort((short) 0).putShort((short) 0).putShort((short) 0).putInt(0);
      b.putInt(wideOffset ? -1 : (int) entry.offset).put(entry.name);
      if (extra > 0) {
        b.putShort((short) 1).putShort((short) extra);
        if (wideSize) {
          b.putLong(entry.size).putLong(entry.size);
        }
        if (wideOffset) {
          b.putLong(entry.offset);
        }
      }
      TensorOutput.writeFully(file, b.flip());
    }
    long end = file.position();
    boolean wide = end >= zip64From || entries.size() >= 0xffff;
    ByteBuffer b = buffer(22 + (wide ? 76 : 0));
    if (wide) {
      b.putInt(0x06064b50).putLong(44).putShort(version(true)).putShort(version(true));
      b.putInt(0).putInt(0).putLong(entries.size()).putLong(entries.size());
      b.putLong(end - start).putLong(start);
      b.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
    }
    short count = (short) Math.min(entries.size(), 0xffff);
    b.putInt(0x06054b50).putShort((short) 0).putShort((short) 0).putShort(count).putShort(count);
    b.putInt(wide ? -1 : (int) (end - start)).putInt(wide ? -1 : (int) start).putShort((short) 0);
    TensorOutput.writeFully(file, b.flip());
  }

  private static short version(boolean zip64) {
    return (short) (zip64 ? 45 : 20);
  }

  /** Names are UTF-8. */
  private static short utf8() {
    return 0x0800;
  }

  private static ByteBuffer buffer(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }
}
