package dev.palimpsest.mixtures.duplicates;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TextIndexTest {
  private static final String TEXT =
      "Two brown dogs are running along the beach while a child in a red coat throws a ball";

  private final TextIndex index = new TextIndex(8, 0.7);

  @Test
  void aTextIsFoundWhateverItsDress() {
    index.add(TEXT);
    assertEquals(
        Map.of(0, 1.0),
        index.in(
            "caption en <loc0001><loc0002>\nTWO brown dogs, are running - along the Beach;"
                + " while a child in a red coat throws a ball!"));
  }

  @Test
  void enoughOfItsRunsAreEnough() {
    index.add(TEXT); // 18 words: 11 runs of 8
    assertEquals(Map.of(0, 8.0 / 11), index.in(TEXT.substring(0, TEXT.indexOf(" throws"))));
    assertEquals(Map.of(), index.in(TEXT.substring(0, TEXT.indexOf(" red"))));
  }

  @Test
  void anotherOrderOfWordsIsAnotherText() {
    index.add(TEXT);
    assertEquals(
        Map.of(),
        index.in(
            "A child in a red coat throws a ball; along the beach two brown dogs are running"));
  }

  @Test
  void aShortTextIsNotFound() {
    assertFalse(index.add("what color is the cat"));
    assertEquals(Map.of(), index.in("what color is the cat"));
    assertTrue(index.add("what color is the cat on the mat"));
  }

  @Test
  void scriptsWithoutSpacesGoByCharacter() {
    assertEquals(
        List.of("二", "匹", "の", "犬", "a1", "ein", "hund"), TextIndex.words("二匹の犬 A1, ein Hund"));
    index.add("二匹の茶色い犬が浜辺を走っている");
    assertEquals(1, index.in("写真：二匹の茶色い犬が浜辺を走っている。").size());
  }

  @Test
  void manyTextsKeepTheirNumbers() {
    for (int i = 0; i < 3000; i++) {
      index.add("number " + i + " of many texts that differ in a single word only " + i * 7);
    }
    assertEquals(
        List.of(1234),
        List.copyOf(
            index.in("number 1234 of many texts that differ in a single word only 8638").keySet()));
  }
}
