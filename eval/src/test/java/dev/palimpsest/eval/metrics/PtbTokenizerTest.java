package dev.palimpsest.eval.metrics;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtbTokenizerTest {
  private final PtbTokenizer tokenizer = new PtbTokenizer();

  /** Output of the tokenizer that the COCO caption evaluation runs. */
  private static JsonNode golden() throws IOException {
    return JsonMapper.builder()
        .build()
        .readTree(MetricCertificationTest.golden("ptb_tokenizer").toFile())
        .path("cases");
  }

  @Test
  void everyLineHasTheGoldenTokensPunctuationIncluded() throws IOException {
    List<Executable> checks = new ArrayList<>();
    for (JsonNode example : golden()) {
      String text = example.path("text").asText();
      checks.add(() -> assertEquals(example.path("ptb_line").asText(), tokenizer.line(text), text));
    }
    assertEquals(215, checks.size());
    assertAll(checks);
  }

  @Test
  void spacesAroundACaptionAddNothing() throws IOException {
    List<Executable> checks = new ArrayList<>();
    for (JsonNode example : golden()) {
      String text = example.path("text").asText();
      checks.add(() -> assertEquals(tokenizer.line(text), tokenizer.line("  " + text + " ")));
    }
    assertAll(checks);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '|',
      delimiter = '>',
      value = {
        "a (red) [blue] {green} sign.>a -lrb- red -rrb- -lsb- blue -rsb- -lcb- green -rcb- sign",
        "stop! -- it's \"hot\", right?>stop it 's hot right",
        "really?! wow!!>really ?! wow !!",
        "he said no.>he said no",
        "Wendy's and MACY'S>wendy 's and macy 's",
        "U.S.-based Dr. Lee, 24/7>u.s.-based dr. lee 24/7",
      })
  void onlyTheListedPunctuationIsDropped(String text, String tokens) {
    assertEquals(tokens, tokenizer.caption(text));
  }

  @Test
  void lineEndsOfAnyKindAreSpaces() {
    assertEquals("a b c d", tokenizer.caption("a\nb\r\nc\u2028d"));
  }

  @Test
  void charactersBeyondTheBasicPlaneSeparateAndVanish() {
    assertEquals("dog cat", tokenizer.caption("dog\uD83D\uDC36cat\uD83D\uDE00"));
  }

  @Test
  void aCurlyApostropheIsAnApostrophe() {
    assertEquals("ca n't", tokenizer.caption("can\u2019t"));
  }

  @Test
  void tokensTokenizeToThemselves() {
    assertEquals(
        "is n't ca n't 's -lrb- x -rrb- gon na",
        tokenizer.caption("is n't ca n't 's ( x ) gon na"));
  }
}
