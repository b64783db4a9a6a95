package dev.palimpsest.eval.metrics.captions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.metrics.Bootstrap;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaptionMetricTest {
  private static MetricRecord image(String id, String caption, String... references) {
    return new MetricRecord(id, caption, List.of(references));
  }

  private static double value(String metric, String quantity, MetricRecord... records) {
    return Metrics.find(metric).score(List.of(records)).values().getOrDefault(quantity, Double.NaN);
  }

  /**
   * Captions whose scores hang on abbreviations, {@code C++}, low quotes, elisions and typographic
   * apostrophes. Values by pycocoevalcap 1.2; tolerance for the order of summation of doubles.
   */
  @ParameterizedTest
  @CsvSource({
    "captions.jsonl, 3.0920201350829277, 0.2329076376350703, 0.7588038540756326",
    "captions-fr.jsonl, 5.104983476145841, 0.8201663208770562, 0.9147887323943662",
  })
  void captionsOfEveryKindScoreAsByTheOfficialProgram(
      String file, double cider, double bleu4, double rougeL) throws IOException {
    List<MetricRecord> records = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of("src/test/resources/metrics", file))) {
      JsonNode row = JsonMapper.builder().build().readTree(line);
      records.add(
          new MetricRecord(
              row.path("id").asText(),
              row.path("prediction").asText(),
              texts(row.path("references"))));
    }
    Map<String, Double> values = Metrics.find("coco_caption").score(records).values();
    assertEquals(cider, values.getOrDefault("CIDEr", 0.0), 1e-9);
    assertEquals(bleu4, values.getOrDefault("Bleu_4", 0.0), 1e-9);
    assertEquals(rougeL, values.getOrDefault("ROUGE_L", 0.0), 1e-9);
  }

  @Test
  void aSingleImageHasNoInverseDocumentFrequency() {
    assertEquals(0, value("cider", "CIDEr", image("1", "a red bus", "a red bus")));
  }

  /** Three tokens have no 4-gram, which leaves 3/4 of 10. */
  @Test
  void aPerfectCaptionOfThreeTokensScoresSevenAndAHalf() {
    MetricResult result =
        Metrics.find("cider")
            .score(
                List.of(
                    image("1", "one red bus", "one red bus"),
                    image("2", "two green trams", "two green trams")));
    assertEquals(7.5, result.value(), 1e-12);
  }

  @Test
  void anEmptyCaptionScoresNothingAgainstWords() {
    MetricRecord empty = image("1", "", "a red bus");
    MetricRecord other = image("2", "a tram", "a tram");
    MetricResult result = Metrics.find("coco_caption").score(List.of(empty, other));
    assertEquals(0, result.examples().get(0).score());
    assertEquals(0.5, result.values().getOrDefault("ROUGE_L", 0.0), 1e-12);
  }

  @Test
  void anEmptyCaptionMatchesAReferenceOfPunctuationInRougeL() {
    assertEquals(1, value("rouge_l", "ROUGE_L", image("1", "", "?")), 1e-12);
  }

  @Test
  void twoCaptionsOfOneImageAreRefused() {
    List<MetricRecord> twice = List.of(image("1", "a", "a"), image("1", "b", "b"));
    assertThrows(MetricInputException.class, () -> Metrics.find("cider").score(twice));
  }

  @Test
  void bleuOfTheCorpusIsNotTheMeanOverImages() {
    MetricRecord shortOne = image("1", "a bus", "a bus");
    MetricRecord longOne = image("2", "a b c d e f g h", "a b c d x y z w");
    MetricResult result = Metrics.find("bleu").score(List.of(shortOne, longOne));
    // 6 of 10 unigrams, no brevity penalty.
    assertEquals(0.6, result.values().getOrDefault("Bleu_1", 0.0), 1e-9);
  }

  @Test
  void theBootstrapOfBleuResamplesCounts() {
    List<MetricRecord> records = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      records.add(image("good" + i, "a b c d e", "a b c d e"));
      records.add(image("bad" + i, "a b c d e", "v w x y z"));
    }
    MetricResult result = Metrics.find("bleu").score(records);
    Bootstrap.Interval interval = result.interval(Bootstrap.STANDARD);
    assertTrue(interval.low() < result.value() && result.value() < interval.high());
    // Share of good ones: sqrt(1/4 / 40) = 0.079; 1000 resamples know it to a few percent.
    assertEquals(0.079, result.standardError(Bootstrap.STANDARD).orElseThrow(), 0.01);
  }

  @Test
  void languagesAreScoredByThemselvesAndEnglishIsNotInTheMean() {
    List<MetricRecord> records = new ArrayList<>();
    for (String language : List.of("en", "de", "fr")) {
      for (int i = 0; i < 4; i++) {
        String right = language.equals("de") && i < 2 ? "nein" : "ja";
        records.add(
            new MetricRecord(
                language + i,
                "ja",
                List.of(right),
                Map.of("language", TextNode.valueOf(language))));
      }
    }
    MetricResult result = Metrics.find("exact_match_by_language").score(records);
    assertEquals(0.75, result.value());
    assertEquals(5 / 6.0, result.values().getOrDefault("acc_mean", 0.0), 1e-12);
    assertEquals(0.5, result.values().getOrDefault("acc/de", 0.0));
    assertTrue(result.interval(Bootstrap.STANDARD).low() < 0.75);
  }

  private static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(text -> texts.add(text.asText()));
    return texts;
  }
}
