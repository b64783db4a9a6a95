package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FollowingHashTest {
  @TempDir Path folder;

  @Test
  void whatIsFilledInLaterCountsAsItIsInTheEnd() {
    Path file = folder.resolve("x");
    Random random = new Random(1);
    WrittenFile written =
        Durable.fileHashed(
            file,
            (channel, hash) -> {
              for (int part = 0; part < 20; part++) {
                long start = channel.position();
                byte[] bytes = new byte[300_001];
                random.nextBytes(bytes);
                channel.write(ByteBuffer.wrap(bytes));
                channel.write(ByteBuffer.wrap(new byte[] {(byte) part}), start);
                hash.finalUpTo(channel.position());
              }
            });
    assertEquals(new WrittenFile("x", 20 * 300_001L, ContentHash.of(file)), written);
  }

  @Test
  void aWriterThatFailsLeavesNothing() {
    Path file = folder.resolve("x");
    assertThrows(
        UncheckedIOException.class,
        () ->
            Durable.fileHashed(
                file,
                (channel, hash) -> {
                  channel.write(ByteBuffer.wrap(new byte[5]));
                  hash.finalUpTo(5);
                  throw new IOException("no space left");
                }));
    assertFalse(Files.exists(file));
  }

  @Test
  void anEmptyFileHasAHashToo() {
    Path file = folder.resolve("x");
    WrittenFile written = Durable.fileHashed(file, (channel, hash) -> {});
    assertEquals(ContentHash.of(file), written.sha256());
  }
}
