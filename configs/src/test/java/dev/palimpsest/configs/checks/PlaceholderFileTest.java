package dev.palimpsest.configs.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlaceholderFileTest {
  private static Optional<String> of(String content) {
    return PlaceholderFile.reason(content.getBytes(StandardCharsets.ISO_8859_1));
  }

  @Test
  void pointersPagesAndNothingAreNamedWithWhatToDo() {
    assertTrue(
        of("version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 4241003\n")
            .orElse("")
            .startsWith("is a Git LFS pointer: the file itself, of 4241003 bytes"));
    assertTrue(of("\r\n <!DOCTYPE HTML><html>").orElse("").startsWith("is an HTML page"));
    assertTrue(of("<?xml version='1.0'?><Error><Code>").orElse("").startsWith("is a server's"));
    assertTrue(of("").orElse("").startsWith("is empty"));
    assertTrue(of("\0\0\0\0").orElse("").startsWith("consists of zeros"));
  }

  @Test
  void contentIsLeftAlone(@TempDir Path folder) throws IOException {
    assertEquals(Optional.empty(), of("{\"version\": 1}"));
    assertEquals(Optional.empty(), of("version 2"));
    assertEquals(Optional.empty(), of("<p>a caption"));
    Path zeros = Files.write(folder.resolve("empty.tar"), new byte[1024]);
    assertEquals(Optional.empty(), PlaceholderFile.substitute(zeros)); // an archive without members
    assertEquals(Optional.empty(), PlaceholderFile.reason(folder.resolve("absent")));
  }
}
