package dev.palimpsest.mixtures;

import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;

/**
 * Direct memory for the pixels of batches. The memory of closed batches is kept and reused, because
 * fresh memory costs a page fault for every 4 KiB, which takes longer than resizing. Thread-safe.
 */
final class PixelMemory {
  private static final int KEPT = 4;

  private final BufferAllocator allocator;
  private final Deque<ArrowBuf> free = new ArrayDeque<>();

  PixelMemory(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  /** Memory with arbitrary contents; the caller owns it. */
  synchronized ArrowBuf take(long bytes) {
    while (!free.isEmpty()) {
      ArrowBuf buffer = free.pop();
      if (buffer.capacity() >= bytes && buffer.capacity() / 2 <= bytes) {
        return buffer;
      }
      buffer.close();
    }
    return allocator.buffer(bytes);
  }

  /** Takes memory back, and keeps it unless somebody else holds it or enough is kept already. */
  synchronized void give(ArrowBuf buffer) {
    if (buffer.refCnt() == 1 && free.size() < KEPT) {
      free.push(buffer);
    } else {
      buffer.close();
    }
  }

  /** Number of bytes kept. */
  synchronized long bytes() {
    return free.stream().mapToLong(buffer -> buffer.getReferenceManager().getAccountedSize()).sum();
  }

  synchronized void clear() {
    free.forEach(ArrowBuf::close);
    free.clear();
  }
}
