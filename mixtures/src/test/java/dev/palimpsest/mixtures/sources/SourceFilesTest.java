package dev.palimpsest.mixtures.sources;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class SourceFilesTest {
  @Test
  void objectsInAStoreAreNoFiles() {
    assertEquals(
        Optional.of(
            "'s3://bucket/{0..9}.tar' is not a path: only local and mounted files are read and"
                + " written; mount the bucket, or copy it to a disk"),
        SourceFiles.missing("s3://bucket/{0..9}.tar"));
  }
}
