package dev.palimpsest.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file that is written from its first byte to its last. Whoever writes fills blocks of memory;
 * one thread hashes them, another brings them to disk.
 *
 * <p>A large file goes past the system's cache (direct I/O), where system and disk allow: the
 * processor is spared a copy of every byte, and the cache keeps what it has, which is worth more
 * than the beginning of a file of its own size.
 */
final class StreamedFile implements WritableByteChannel {
  private static final Logger log = LoggerFactory.getLogger(StreamedFile.class);

  /** Bytes that are hashed and written at a time. */
  static final int BLOCK = 4 << 20;

  /** Enough for the hash and the disk to go on while the writer computes, and the reverse. */
  private static final int BLOCKS = 8;

  /** Memory of files that are complete; garbage collection alone would free it much later. */
  private static final Queue<ByteBuffer> SPARE = new ConcurrentLinkedQueue<>();

  private final FileChannel channel;
  private final @Nullable FileChannel direct;
  private final List<Block> blocks = new ArrayList<>();
  private final MessageDigest digest = ContentHash.sha256();
  private final ExecutorService hashing = thread("hash");
  private final ExecutorService writing = thread("write");
  private int current;
  private long size; // of what has been passed on

  /** Memory, and what is still being done with its last contents. */
  private static final class Block {
    final ByteBuffer bytes;
    CompletableFuture<Void> done = CompletableFuture.completedFuture(null);

    Block() {
      ByteBuffer spare = SPARE.poll();
      bytes =
          spare != null
              ? spare.clear()
              : ByteBuffer.allocateDirect(BLOCK + DirectIo.UNIT)
                  .alignedSlice(DirectIo.UNIT)
                  .limit(BLOCK)
                  .slice();
    }
  }

  /**
   * Starts at the file's first byte.
   *
   * @param channel the file, open and empty; the caller closes it
   * @param pastCache whether to write past the system's cache if possible
   */
  StreamedFile(Path file, FileChannel channel, boolean pastCache) throws IOException {
    this.channel = channel;
    this.direct = pastCache ? DirectIo.open(file, StandardOpenOption.WRITE) : null;
  }

  private static ExecutorService thread(String name) {
    return Executors.newSingleThreadExecutor(Daemons.named(name));
  }

  boolean isPastCache() {
    return direct != null;
  }

  /** Takes all of the bytes, where necessary when earlier ones are hashed and written. */
  @Override
  public int write(ByteBuffer bytes) throws IOException {
    int taken = bytes.remaining();
    while (bytes.hasRemaining()) {
      ByteBuffer block = block().bytes;
      int n = Math.min(bytes.remaining(), block.remaining());
      block.put(bytes.slice(bytes.position(), n));
      bytes.position(bytes.position() + n);
      if (!block.hasRemaining()) {
        pass();
      }
    }
    return taken;
  }

  /** The block that is being filled. */
  private Block block() throws IOException {
    if (current == blocks.size()) {
      blocks.add(new Block());
    }
    Block block = blocks.get(current);
    if (block.bytes.position() == 0) {
      await(block);
    }
    return block;
  }

  /** Passes the current block on to the hash and the disk. */
  private void pass() {
    Block block = blocks.get(current);
    long at = size;
    ByteBuffer hashed = block.bytes.duplicate().flip();
    ByteBuffer written = block.bytes.duplicate().flip();
    size += hashed.remaining();
    block.bytes.clear();
    block.done =
        CompletableFuture.allOf(
            CompletableFuture.runAsync(() -> digest.update(hashed), hashing),
            CompletableFuture.runAsync(() -> put(written, at), writing));
    current = (current + 1) % BLOCKS;
  }

  private void put(ByteBuffer bytes, long at) {
    try {
      int end = bytes.limit();
      if (direct != null) { // all but the file's last bytes, which fill no unit
        putPastCache(direct, bytes.limit(end - end % DirectIo.UNIT), at);
      }
      put(channel, bytes.limit(end), at);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Leaves bytes where it fails: some file systems offer direct I/O and then refuse it. */
  private static void putPastCache(FileChannel direct, ByteBuffer bytes, long at) {
    try {
      put(direct, bytes, at);
    } catch (IOException e) {
      log.debug("byte {} is written through the system's cache", at + bytes.position(), e);
    }
  }

  /** Writes what remains, where {@code at} is the place of the buffer's first byte. */
  private static void put(FileChannel file, ByteBuffer bytes, long at) throws IOException {
    while (bytes.hasRemaining()) {
      file.write(bytes, at + bytes.position());
    }
  }

  private static void await(Block block) throws IOException {
    try {
      block.done.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof UncheckedIOException io) {
        throw io.getCause();
      }
      throw e;
    }
  }

  /** Passes on the last bytes and waits until all are written, though not yet durably. */
  WrittenFile finish(String name) throws IOException {
    if (block().bytes.position() > 0) {
      pass();
    }
    for (Block block : blocks) {
      await(block);
    }
    blocks.forEach(block -> SPARE.add(block.bytes));
    blocks.clear();
    return new WrittenFile(name, size, HexFormat.of().formatHex(digest.digest()));
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  /** Ends the threads. */
  @Override
  public void close() throws IOException {
    hashing.shutdownNow();
    writing.shutdownNow();
    if (direct != null) {
      direct.close();
    }
  }
}
