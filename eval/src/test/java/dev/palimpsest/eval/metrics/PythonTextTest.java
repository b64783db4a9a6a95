package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PythonTextTest {
  @ParameterizedTest
  @CsvSource({
    "1_000, 1000",
    "1_0.2_5e1_0, 1025e8",
    ".5, 0.5",
    "5., 5",
    "+1E3, 1000",
    "1e400, Infinity",
    "-INF, -Infinity",
    "Infinity, Infinity",
    "٣٤, 34",
    "１.５, 1.5",
    "'\u00a07\u2003', 7",
  })
  void numbersArePythonsFloats(String text, double value) {
    assertEquals(OptionalDouble.of(value), PythonText.toFloat(text));
  }

  @Test
  void nanIsANumber() {
    assertTrue(Double.isNaN(PythonText.toFloat(" NaN ").orElseThrow()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "1d", "1f", "0x10", "1,000", "$5", "1__0", "_1", "1_", "1_.5", ".", "1e", "1 0"
      })
  void otherTextsAreNot(String text) {
    assertTrue(PythonText.toFloat(text).isEmpty());
  }

  @Test
  void whiteSpaceIsUnicodeWithoutZeroWidth() {
    assertEquals(
        List.of("a", "b", "c\u200bd", "e"),
        PythonText.split("\u00a0a\u001cb\u0085c\u200bd\u3000\u202fe\u2028"));
    assertEquals("a b", PythonText.strip("\u2007a b\u001f"));
  }

  @Test
  void lengthsAndDistancesAreInCodePoints() {
    assertEquals(2, PythonText.length("\uD83D\uDE00a"));
    assertEquals(1, EditDistance.of("\uD83D\uDE00a", "\uD83D\uDE01a"));
  }
}
