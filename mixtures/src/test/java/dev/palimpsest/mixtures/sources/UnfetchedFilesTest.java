package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.mixtures.codecs.SegmentationTokens;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.ImageDecoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A clone without its large files: pointers of Git LFS stand in their place. */
class UnfetchedFilesTest {
  private static final byte[] POINTER =
      "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 4241003\n"
          .getBytes(StandardCharsets.UTF_8);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"a.jsonl", "a.json", "a.parquet", "a.arrow", "a.tar", "a.csv"})
  void sourcesNameThem(String name) throws IOException {
    Path file = Files.write(folder.resolve(name), POINTER);
    var e =
        assertThrows(
            MalformedFileException.class,
            () ->
                SourceFiles.open(
                    file.toString(),
                    other -> {
                      throw new AssertionError("it was read");
                    }));
    assertSays(e, name, "is a Git LFS pointer", "git lfs pull");
  }

  @Test
  void picturesAndMaskCodecsNameThem() throws IOException {
    assertSays(
        assertThrows(IOException.class, () -> ImageDecoder.decode(POINTER)),
        "is a Git LFS pointer");
    Path codec = Files.write(folder.resolve("vae-oid.npz"), POINTER);
    assertSays(
        assertThrows(RuntimeException.class, () -> SegmentationTokens.load(codec)),
        "vae-oid.npz",
        "is a Git LFS pointer");
  }
}
