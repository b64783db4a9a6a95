package dev.palimpsest.mixtures.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskPrefixTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = true,
      value = {
        "caption en | ''",
        "caption zh-Hans | ''",
        "caption <loc0001><loc0002><loc0003><loc0004> | <loc0001><loc0002><loc0003><loc0004>",
        "caption | ''",
        "captions | captions",
        "answer en Is it red? | Is it red?",
        "answer en  two spaces | two spaces",
        "question de ja | ja",
        "detect cat ; dog | cat ; dog",
        "segment cat | cat",
        "ocr | ''",
        "Is it red? | Is it red?",
        "ocrs are no task | ocrs are no task",
        "answer fil Pula ba ito? | Pula ba ito?",
        "answer these questions | answer these questions",
        "detective stories | detective stories",
        "the detect of it | the detect of it",
      })
  void onlyTheWordsOfTheTaskAreRemoved(String prompt, String left) {
    assertEquals(left, TaskPrefix.removed(prompt));
  }

  @Test
  void everythingElseOfAnExampleStays() {
    Example example = new Example("7", List.of(), "caption en", "a cat", List.of("a cat", "cat"));
    Example without = TaskPrefix.removed(example);
    assertEquals("", without.prefix());
    assertEquals(example.references(), without.references());
    assertEquals("a cat", without.suffix());
  }
}
