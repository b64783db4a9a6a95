package dev.palimpsest.mixtures.codecs;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DetectionTextTest {
  /** Models repeat themselves: 100 kB of one token must not take the stack or minutes. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "<loc0001>",
        "<seg001>",
        "<loc0001><seg001>",
        "<loc0001",
        "<",
        ";",
        " ; ",
        "<loc0001><loc0002><loc0003><loc0004> a ; ",
        "<loc0001><loc0002><loc0003><loc0004><seg001>",
      })
  void repetitionsAreReadQuickly(String part) {
    String text = part.repeat(100_000 / part.length());
    assertTimeoutPreemptively(
        Duration.ofSeconds(10), () -> assertNotNull(DetectionText.parse(text)));
  }
}
