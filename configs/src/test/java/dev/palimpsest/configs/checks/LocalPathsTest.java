package dev.palimpsest.configs.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.data.PrepareConfig;
import java.util.List;
import org.junit.jupiter.api.Test;

class LocalPathsTest {
  @Test
  void addressesAreNoPaths() {
    for (String address : List.of("s3://bucket/x", "gs://b", "https://host/x.tar", "data:,x")) {
      assertTrue(LocalPaths.mistake(address).isPresent(), address);
    }
    for (String path : List.of("data/x", "/a/b:c", "C:\\data", "s3", "data-{0..9}.tar", "")) {
      assertTrue(LocalPaths.mistake(path).isEmpty(), path);
    }
  }

  @Test
  void whatIsPreparedIsWrittenToAFolder() {
    InvalidConfigException refused =
        assertThrows(
            InvalidConfigException.class,
            () -> new PrepareConfig.Playground("s3://bucket/x", 0, 0, 1));
    assertEquals(
        List.of("out", "trainImages"), refused.problems().stream().map(Problem::path).toList());
  }
}
