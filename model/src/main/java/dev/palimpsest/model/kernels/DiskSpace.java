package dev.palimpsest.model.kernels;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Reserves space on disk before it is used. A file that only has a length gets its blocks when
 * pages are written back; if none are left then, a signal ends the process.
 */
public final class DiskSpace {
  private static final int NO_SPACE = 28;

  private DiskSpace() {}

  /**
   * Gives a new, empty file a length, filled with zeros, and all of its blocks.
   *
   * @throws IOException when the disk does not have enough space
   */
  public static void reserve(Path file, long bytes) throws IOException {
    int error = NativeFile.isLinux() ? allocate(file, bytes) : writeZeros(file, bytes);
    if (error == NO_SPACE) {
      throw new FileSystemException(
          file.toString(),
          null,
          "needs %d MiB, and the disk has %d MiB free"
              .formatted((bytes >> 20) + 1, Files.getFileStore(file).getUsableSpace() >> 20));
    }
    if (error != 0) {
      throw new FileSystemException(
          file.toString(), null, "cannot reserve its space, errno " + error);
    }
  }

  /** posix_fallocate, which writes to every block if the file system has no better way. */
  private static int allocate(Path file, long bytes) throws IOException {
    try (NativeFile open = NativeFile.open(file, NativeFile.READ_AND_WRITE)) {
      return NativeFile.function("posix_fallocate")
          .invokeInt(new Object[] {open.descriptor(), 0L, bytes});
    }
  }

  private static int writeZeros(Path file, long bytes) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 20);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      for (long left = bytes; left > 0; ) {
        left -= channel.write(zeros.clear().limit((int) Math.min(zeros.capacity(), left)));
      }
      return 0;
    } catch (IOException e) {
      if (Files.getFileStore(file).getUsableSpace() < 1 << 20) {
        return NO_SPACE;
      }
      throw e;
    }
  }
}
