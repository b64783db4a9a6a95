package dev.palimpsest.mixtures.text;

import static dev.palimpsest.mixtures.Golden.ints;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.Golden;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TokenSequenceTest {
  private final JsonNode golden = Golden.json("sequences/sequences.json");
  private final int[] separator = ints(golden.path("sep"));

  @Test
  void trainingLayoutEqualsBigVisions() {
    assertTrue(golden.path("cases").size() > 3);
    for (JsonNode example : golden.path("cases")) {
      TokenSequence sequence =
          TokenSequence.forTraining(
              ints(example.path("prefix")),
              separator,
              ints(example.path("suffix")),
              example.path("text_len").intValue());
      assertArrayEquals(ints(example.at("/train/text")), sequence.text());
      assertArrayEquals(ints(example.at("/train/mask_ar")), sequence.maskAr());
      assertArrayEquals(ints(example.at("/train/mask_loss")), sequence.maskLoss());
    }
  }

  @Test
  void decodingLayoutEqualsBigVisions() {
    for (JsonNode example : golden.path("cases")) {
      TokenSequence sequence =
          TokenSequence.forDecoding(
              ints(example.path("prefix")), separator, example.path("text_len").intValue());
      assertArrayEquals(ints(example.at("/eval/text")), sequence.text());
      assertArrayEquals(ints(example.at("/eval/mask_ar")), sequence.maskAr());
      assertArrayEquals(ints(example.at("/eval/mask_input")), sequence.maskInput());
      assertArrayEquals(new int[sequence.text().length], sequence.maskLoss());
    }
  }

  @Test
  void realTokensOfATrainingSequenceAreMarked() {
    TokenSequence sequence = TokenSequence.forTraining(new int[] {7}, separator, new int[] {8}, 6);
    assertArrayEquals(new int[] {2, 7, 108, 8, 1, 0, 0}, sequence.text());
    assertArrayEquals(new int[] {1, 1, 1, 1, 1, 0, 0}, sequence.maskInput());
  }

  /** BOS, prefix and separator: what decoding lays out where nothing is cut. */
  @Test
  void aPromptIsAsLongAsItsRealTokens() {
    for (JsonNode example : golden.path("cases")) {
      int[] prefix = ints(example.path("prefix"));
      int real = Arrays.stream(TokenSequence.forDecoding(prefix, separator, 500).maskInput()).sum();
      assertEquals(real, TokenSequence.promptLength(prefix, separator));
    }
  }
}
