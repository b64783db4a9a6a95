package dev.palimpsest.mixtures.sources;

import static dev.palimpsest.mixtures.Failures.assertSays;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Right values are bash's ({@code echo PATTERN}). */
class BracesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a|a",
        "{1..3}|1 2 3",
        "s-{08..11}.tar|s-08.tar s-09.tar s-10.tar s-11.tar",
        "{1..010}|001 002 003 004 005 006 007 008 009 010",
        "{3..1}|3 2 1",
        "{0..10..5}|0 5 10",
        "{0..10..-5}|0 5 10",
        "{10..0..4}|10 6 2",
        "{0..2..0}|0 1 2",
        "{-1..1}|-1 0 1",
        "{-01..1}|-01 000 001",
        "{a..e..2}|a c e",
        "{a,b}{1..2}|a1 a2 b1 b2",
        "{a,b{1..2},}c|ac b1c b2c c",
        "{0..1}/{a,b}.tar|0/a.tar 0/b.tar 1/a.tar 1/b.tar",
        "{abc}|{abc}",
        "{1..}|{1..}",
        "{a|{a",
        "a}{b,c}|a}b a}c",
        "{}{1..2}|{}1 {}2",
        "{x{1..2}}|{x1} {x2}",
      })
  void bracesStandForWhatTheyStandForInAShell(String pattern, String expanded) {
    assertEquals(expanded, String.join(" ", Braces.expanded(pattern)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{0..999999999999}",
        "{0..9999}{0..9999}",
        "{-999999999999999999..999999999999999999}"
      })
  void tooManyPathsAreRefusedAtOnce(String pattern) {
    assertSays(
        assertThrows(IllegalArgumentException.class, () -> Braces.expanded(pattern)), "1000000");
  }

  @Test
  void aThousandOpenBracesAreNoRange() {
    assertEquals(List.of("{".repeat(1000)), Braces.expanded("{".repeat(1000)));
  }
}
