package dev.palimpsest.configs.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SuggestionTest {
  @ParameterizedTest
  @CsvSource({
    "kitten, sitting, 3",
    "'', abc, 3",
    "abc, abc, 0",
    "weigth, weight, 1",
    "flaw, lawn, 2",
  })
  void editsAreCounted(String a, String b, int distance) {
    assertEquals(distance, Suggestion.distance(a, b));
    assertEquals(distance, Suggestion.distance(b, a));
  }

  @Test
  void caseAloneIsASlip() {
    assertEquals(
        Optional.of("learningRate"),
        Suggestion.nearest("LEARNINGRATE", List.of("learningRate", "beta1")));
  }

  @Test
  void nothingIsSuggestedWhenNothingIsNear() {
    assertEquals(
        "; known are beta1, beta2", Suggestion.among("epsilon", List.of("beta1", "beta2")));
    assertEquals("; there are none", Suggestion.among("a", List.of()));
  }
}
