package dev.palimpsest.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * SHA-256 of a file while it is written: a thread of its own reads what is final, which the system
 * still has in memory. So a large file is not read from disk again, its writer does not wait for
 * the hash, and a writer may go back and fill in what it learns later.
 */
final class FollowingHash implements AutoCloseable {
  private final FileChannel channel;
  private final CompletableFuture<String> hash;
  private long end;
  private boolean complete;

  /**
   * Starts at the file's first byte.
   *
   * @param channel the writer's, open for reading too; its position is left alone
   */
  FollowingHash(FileChannel channel) {
    this.channel = channel;
    this.hash = CompletableFuture.supplyAsync(this::follow, task -> start(task));
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "hash");
    thread.setDaemon(true);
    thread.start();
  }

  /** Says that the bytes before a position are written and will not change. */
  synchronized void finalUpTo(long position) {
    end = position;
    notifyAll();
  }

  /** The file's hash, once the writer is done; waits for what is left to read. */
  String finish(long size) throws IOException {
    complete(size);
    try {
      return hash.get();
    } catch (ExecutionException e) {
      throw new IOException("cannot read what was written: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private synchronized void complete(long size) {
    end = size;
    complete = true;
    notifyAll();
  }

  /** Ends the thread where the writer has failed. */
  @Override
  public void close() {
    complete(0);
  }

  private String follow() {
    MessageDigest digest = ContentHash.sha256();
    ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
    long at = 0;
    try {
      for (long to = await(at); at < to; to = await(at)) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), to - at));
        int n = channel.read(buffer, at);
        if (n < 0) {
          throw new IOException("the file ends at byte " + at);
        }
        digest.update(buffer.flip());
        at += n;
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Up to where may be read, once that is beyond {@code at} or the end of the file. */
  private synchronized long await(long at) throws InterruptedException {
    while (end <= at && !complete) {
      wait();
    }
    return end;
  }
}
