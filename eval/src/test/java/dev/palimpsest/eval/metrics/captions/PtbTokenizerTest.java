package dev.palimpsest.eval.metrics.captions;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.palimpsest.eval.metrics.golden.MetricCertificationTest;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PtbTokenizerTest {
  private final PtbTokenizer tokenizer = new PtbTokenizer();

  private String caption(String text) {
    return tokenizer.captions(List.of(text)).get(0);
  }

  private String line(String text) {
    return tokenizer.lines(List.of(text)).get(0);
  }

  /** Output of the tokenizer that the COCO caption evaluation runs. */
  private static JsonNode golden(String name) throws IOException {
    return JsonMapper.builder()
        .build()
        .readTree(MetricCertificationTest.golden(name).toFile())
        .path("cases");
  }

  /** The second file holds lines of every kind, drawn until 200,000 fresh ones agreed. */
  @ParameterizedTest
  @CsvSource({"ptb_tokenizer, 215", "ptb_tokenizer_lines, 3440"})
  void everyLineHasTheGoldenTokensPunctuationIncluded(String file, int count) throws IOException {
    List<String> texts = new ArrayList<>();
    golden(file).forEach(example -> texts.add(example.path("text").asText()));
    List<String> lines = tokenizer.lines(texts);
    List<Executable> checks = new ArrayList<>();
    int i = 0;
    for (JsonNode example : golden(file)) {
      String actual = lines.get(i++);
      checks.add(
          () ->
              assertEquals(
                  example.path("ptb_line").asText(), actual, example.path("text").asText()));
    }
    assertEquals(count, checks.size());
    assertAll(checks);
  }

  @Test
  void spacesAroundACaptionAddNothing() throws IOException {
    List<Executable> checks = new ArrayList<>();
    for (JsonNode example : golden("ptb_tokenizer")) {
      String text = example.path("text").asText();
      checks.add(() -> assertEquals(caption(text), caption("  " + text + " ")));
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
    assertEquals(tokens, caption(text));
  }

  @Test
  void whatTheNextLineBeginsWithDecidesAboutAFullStop() {
    assertEquals(
        List.of("see fig.", "5 dogs", "see fig", "dogs"),
        tokenizer.captions(List.of("see fig.", "5 dogs", "see fig.", "dogs")));
    assertEquals(
        List.of("the letter x", "the man", "the letter x.", "a"),
        tokenizer.captions(List.of("the letter x.", "The man", "the letter x.", "a")));
  }

  @Test
  void lineEndsOfAnyKindAreSpaces() {
    assertEquals("a b c d", caption("a\nb\r\nc\u2028d"));
  }

  @Test
  void charactersBeyondTheBasicPlaneSeparateAndVanish() {
    assertEquals("dog cat", caption("dog\uD83D\uDC36cat\uD83D\uDE00"));
  }

  @Test
  void aCurlyApostropheIsAnApostrophe() {
    assertEquals("ca n't", caption("can\u2019t"));
  }

  @Test
  void tokensTokenizeToThemselves() {
    assertEquals("is n't ca n't 's -lrb- x -rrb- gon na", caption("is n't ca n't 's ( x ) gon na"));
  }

  @Test
  void aTextWithoutTokensIsEmpty() {
    assertEquals("", line(""));
    assertEquals("", line(" \u00a0\u3000\u200b"));
  }

  /**
   * Each of these makes some rule run to the end of the text in vain, at every position. A
   * tokenizer that starts over each time needs 100,000 x 100,000 / 2 steps and more, which is
   * minutes.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a.",
        "a.a-",
        "a-",
        "a'",
        "a",
        "1",
        "1.",
        "1-",
        "1 ",
        "1/",
        "(1) ",
        "(",
        "[",
        "<a ",
        "<a b=\"",
        "<!a",
        "<",
        "&",
        "&amp;",
        "&amp",
        "A&",
        "A&amp;",
        ".",
        ". ",
        "..",
        "?!",
        "-",
        "--",
        "_",
        "a_",
        "\"",
        "'",
        "''",
        "`",
        "\u2018",
        "\u201c\u201d",
        " ",
        "\u00a0",
        "\t",
        "\u3000",
        "@",
        "a@",
        "a@b.",
        "#",
        "#a",
        "http://",
        "http://a",
        "www.",
        "www.a.",
        "a.com/",
        "a/",
        "a\\/",
        "\\",
        "x. ",
        "x.  ",
        "etc. ",
        "etc.",
        "Mr.",
        "no.",
        "no. ",
        "n't",
        "'s",
        "an't",
        "gonna",
        "cannot",
        ":-)",
        ":",
        "^_^",
        "(^_^",
        "\u00ad",
        "a\u00ad",
        "1\u00ad",
        "\u0301",
        "\u00bd",
        "\u00b2",
        "\u2044",
        "1\u2044",
        "\ud83d\ude00",
        "\u65e5",
        "d'",
        "O'",
        "aa'a",
        "'9",
        "x.jpg",
        "1.1,",
      })
  void aHundredKilobytesOfAnythingAreQuick(String part) {
    for (String start : List.of("", "a.m. ", "x. <!a ", "http:")) {
      String text = start + part.repeat(100_000 / part.length());
      assertTimeoutPreemptively(Duration.ofSeconds(10), () -> line(text));
    }
  }
}
