package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.checks.Numbers;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths and numbers of 100 kB are read, or refused, in linear time and without deep calls. */
class HostileTextTest {
  @ParameterizedTest
  @ValueSource(strings = {"[", "]", ".", "a.", "[a", "[a]", "[[", "a[", "=", "1"})
  void pathsAreReadQuickly(String part) {
    String path = part.repeat(100_000 / part.length());
    assertTimeoutPreemptively(Duration.ofSeconds(10), () -> Paths.split(path));
  }

  @Test
  void numbersAreReadQuickly() {
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () -> {
          assertTrue(Numbers.looksLikeOne("1" + "_0".repeat(199)));
          // Longer than any number that somebody means.
          assertFalse(Numbers.looksLikeOne("1" + "_0".repeat(50_000)));
          assertFalse(Numbers.looksLikeOne("1_".repeat(50_000)));
          assertFalse(Numbers.looksLikeOne("1".repeat(100_000) + "x"));
        });
  }
}
