package dev.palimpsest.checkpoints.tensors;

import dev.palimpsest.checkpoints.tensors.TensorOutput.Tensor;
import dev.palimpsest.files.Daemons;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.zip.CRC32;

/**
 * Writes npz files as {@code numpy.savez} does: stored members, zip64 if sizes or offsets need it,
 * all dated 1 January 1980, so that equal tensors give equal bytes.
 */
public final class NpzWriter {
  private static final long ZIP64_FROM = 0xffff_ffffL;
  private static final int DATE = (1 << 5) | 1; // 1980-01-01

  private final WritableByteChannel channel;
  private final long zip64From;
  private final List<Entry> entries = new ArrayList<>();
  private long position;

  private record Entry(byte[] name, long offset, long size, int crc) {}

  private NpzWriter(WritableByteChannel channel, long zip64From) {
    this.channel = channel;
    this.zip64From = zip64From;
  }

  /**
   * Writes an archive from its first byte to its last. A member's CRC stands before it, so that
   * every tensor is computed twice: once by a thread that is ahead and only wants the CRC.
   */
  public static void write(WritableByteChannel channel, List<Tensor> tensors) throws IOException {
    write(channel, tensors, ZIP64_FROM);
  }

  /** With another size from which zip64 records are written, for tests. */
  public static void write(WritableByteChannel channel, List<Tensor> tensors, long zip64From)
      throws IOException {
    NpzWriter writer = new NpzWriter(channel, zip64From);
    try (Checksums checksums = new Checksums(tensors)) {
      for (int i = 0; i < tensors.size(); i++) {
        writer.member(tensors.get(i), checksums.of(i));
      }
    }
    writer.directory();
  }

  private void member(Tensor tensor, int crc) throws IOException {
    byte[] name = (tensor.info().name() + ".npy").getBytes(StandardCharsets.UTF_8);
    byte[] head = NpyHeader.write(tensor.info());
    long size = head.length + tensor.info().byteSize();
    entries.add(new Entry(name, position, size, crc));
    put(localHeader(name, size, crc));
    put(ByteBuffer.wrap(head));
    tensor.writeTo(channel);
    position += tensor.info().byteSize();
  }

  private void put(ByteBuffer bytes) throws IOException {
    position += bytes.remaining();
    TensorOutput.writeFully(channel, bytes);
  }

  /** The CRCs of all members, which a thread of its own computes in their order. */
  private static final class Checksums implements AutoCloseable {
    private final ExecutorService thread =
        Executors.newSingleThreadExecutor(Daemons.named("checksums"));
    private final List<CompletableFuture<Integer>> members;
    private volatile boolean wanted = true;

    Checksums(List<Tensor> tensors) {
      members =
          tensors.stream()
              .map(tensor -> CompletableFuture.supplyAsync(() -> compute(tensor), thread))
              .toList();
    }

    int of(int member) {
      return TensorOutput.await(members.get(member));
    }

    private int compute(Tensor tensor) {
      CRC32 crc = new CRC32();
      crc.update(NpyHeader.write(tensor.info()));
      tensor.writeTo(new Sum(crc));
      return (int) crc.getValue();
    }

    /** Ends the thread soon, where the writer has failed. */
    @Override
    public void close() {
      wanted = false;
      thread.shutdownNow();
    }

    /** Adds what is written to a checksum. */
    private final class Sum implements WritableByteChannel {
      private final CRC32 crc;

      Sum(CRC32 crc) {
        this.crc = crc;
      }

      @Override
      public int write(ByteBuffer bytes) throws IOException {
        if (!wanted) {
          throw new ClosedChannelException();
        }
        int n = bytes.remaining();
        crc.update(bytes);
        return n;
      }

      @Override
      public boolean isOpen() {
        return wanted;
      }

      @Override
      public void close() {}
    }
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
    long start = position;
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
      put(b.flip());
    }
    long end = position;
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
    put(b.flip());
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
