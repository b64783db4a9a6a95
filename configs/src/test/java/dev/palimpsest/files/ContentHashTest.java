package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContentHashTest {
  @TempDir Path folder;

  @Test
  void filesOfAnyLengthHaveTheHashOfTheirBytes() throws IOException {
    int piece = 4 << 20;
    Random random = new Random(3);
    for (int length : new int[] {0, 1, piece - 1, piece, piece + 1, 2 * piece, 3 * piece + 12345}) {
      byte[] bytes = new byte[length];
      random.nextBytes(bytes);
      Path file = Files.write(folder.resolve("x"), bytes);
      assertEquals(
          HexFormat.of().formatHex(ContentHash.sha256().digest(bytes)),
          ContentHash.of(file),
          length + " bytes");
    }
  }
}
