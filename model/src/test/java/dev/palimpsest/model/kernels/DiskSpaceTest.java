package dev.palimpsest.model.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class DiskSpaceTest {
  @TempDir Path folder;

  @Test
  void whatIsReservedIsTakenAndZero() throws IOException {
    Path file = Files.createFile(folder.resolve("bl\u00f6cke"));
    DiskSpace.reserve(file, 5000);
    assertArrayEquals(new byte[5000], Files.readAllBytes(file));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void moreThanTheDiskHoldsIsRefusedInWords() throws IOException {
    Path file = Files.createFile(folder.resolve("large"));
    long free = Files.getFileStore(folder).getUsableSpace();
    FileSystemException e =
        assertThrows(FileSystemException.class, () -> DiskSpace.reserve(file, free + (1L << 34)));
    assertTrue(
        String.valueOf(e.getReason()).matches("needs \\d+ MiB, and the disk has \\d+ MiB free"));
    assertEquals(file.toString(), e.getFile());
  }
}
