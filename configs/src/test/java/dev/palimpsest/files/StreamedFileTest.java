package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamedFileTest {
  @TempDir Path folder;

  /** More blocks than there are at a time, whole ones, and parts of a disk's unit at the end. */
  @ParameterizedTest
  @ValueSource(
      ints = {
        0,
        1,
        4095,
        4096,
        3 * StreamedFile.BLOCK,
        12 * StreamedFile.BLOCK + 8192,
        12 * StreamedFile.BLOCK + 4097
      })
  void aFileIsTheSamePastTheCacheAndThroughIt(int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    for (boolean pastCache : new boolean[] {true, false}) {
      Path file = folder.resolve("past cache " + pastCache);
      WrittenFile[] written = new WrittenFile[1];
      Durable.write(
          file,
          channel ->
              written[0] =
                  Durable.hashed(
                      file,
                      file,
                      channel,
                      pastCache,
                      to -> {
                        for (int at = 0; at < size; at += 300_001) {
                          to.write(ByteBuffer.wrap(bytes, at, Math.min(300_001, size - at)));
                        }
                      }));
      assertArrayEquals(bytes, Files.readAllBytes(file));
      assertEquals(
          new WrittenFile("past cache " + pastCache, size, ContentHash.of(file)), written[0]);
    }
  }

  @Test
  void aWriterThatFailsLeavesNothing() throws IOException {
    Path file = folder.resolve("x");
    UncheckedIOException e =
        assertThrows(
            UncheckedIOException.class,
            () ->
                Durable.fileHashed(
                    file,
                    5,
                    channel -> {
                      channel.write(ByteBuffer.wrap(new byte[5]));
                      throw new IOException("the source is damaged");
                    }));
    assertEquals("cannot write " + file + ": the source is damaged", e.getMessage());
    assertArrayEquals(new String[0], folder.toFile().list());
  }

  /** The writing thread meets the fault, the writer must hear of it. */
  @Test
  void aDiskThatFailsIsReported() throws IOException {
    Path file = Files.createFile(folder.resolve("x"));
    FileChannel closed = FileChannel.open(file, StandardOpenOption.WRITE);
    closed.close();
    try (StreamedFile streamed = new StreamedFile(file, closed, false)) {
      streamed.write(ByteBuffer.wrap(new byte[5]));
      assertThrows(ClosedChannelException.class, () -> streamed.finish("x"));
    }
  }
}
