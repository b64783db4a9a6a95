package dev.palimpsest.mixtures.formats;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file read at positions. Thread-safe. Lengths are checked against the file before memory is
 * taken, so that a damaged length field costs nothing.
 *
 * <p>Closing releases the file's handle. A range can still be read afterwards, which opens the file
 * again for that read: pictures that are not yet decoded outlive the source that named them.
 */
public final class FileBytes implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final long size;

  private FileBytes(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.size = channel.size();
  }

  /**
   * Opens a file; its size is determined once.
   *
   * @throws MalformedFileException when it exists and is not a regular file
   */
  public static FileBytes open(Path path) throws IOException {
    FileHead.requireFile(path);
    return new FileBytes(path, FileChannel.open(path, StandardOpenOption.READ));
  }

  /** The file's path. */
  public Path path() {
    return path;
  }

  /** Size of the file in bytes when it was opened. */
  public long size() {
    return size;
  }

  /**
   * Reads a range.
   *
   * @return a little-endian buffer of exactly {@code length} bytes
   * @throws EOFException when the range extends beyond the file
   */
  public ByteBuffer read(long at, int length) throws IOException {
    if (at < 0 || length < 0 || at > size - length) {
      throw new EOFException(
          "bytes %d to %d extend beyond the file of %d bytes".formatted(at, at + length, size));
    }
    if (channel.isOpen()) {
      return read(channel, at, length);
    }
    try (FileChannel again = FileChannel.open(path, StandardOpenOption.READ)) {
      if (again.size() != size) {
        throw new IOException("the file has changed since it was opened");
      }
      return read(again, at, length);
    }
  }

  private static ByteBuffer read(FileChannel from, long at, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      if (from.read(bytes, at + bytes.position()) < 0) {
        throw new EOFException("the file has become shorter since it was opened");
      }
    }
    return bytes.flip();
  }

  /** As {@link #read(long, int)}, as an array. */
  public byte[] bytes(long at, int length) throws IOException {
    return read(at, length).array();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
