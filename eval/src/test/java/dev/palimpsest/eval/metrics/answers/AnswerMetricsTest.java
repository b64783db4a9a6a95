package dev.palimpsest.eval.metrics.answers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.registry.Metrics;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the golden files leave out. */
class AnswerMetricsTest {
  private static MetricRecord record(String id, String prediction, String... references) {
    return new MetricRecord(id, prediction, List.of(references));
  }

  private static MetricRecord record(
      String id, String prediction, String reference, String field, String value) {
    Map<String, JsonNode> fields = Map.of(field, TextNode.valueOf(value));
    return new MetricRecord(id, prediction, List.of(reference), fields);
  }

  private static double value(String metric, String quantity, List<MetricRecord> records) {
    return Metrics.find(metric).score(records).values().getOrDefault(quantity, Double.NaN);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 0.3", "2, 0.6", "3, 0.9", "4, 1", "9, 1"})
  void agreementWithSomeOfTenAnnotators(int agreeing, double accuracy) {
    List<String> answers = new java.util.ArrayList<>(Collections.nCopies(agreeing, "cat"));
    answers.addAll(Collections.nCopies(10 - agreeing, "dog"));
    assertEquals(accuracy, Annotators.leaveOneOut("cat", answers), 1e-12);
  }

  @Test
  void missingReferencesAreNotScoredAsZero() {
    assertThrows(
        MetricInputException.class, () -> Metrics.find("vqa").score(List.of(record("1", "yes"))));
  }

  @Test
  void emptyTextsAreEqualInTheReadingCompetition() {
    assertEquals(1, value("anls:official", "anls", List.of(record("1", "", ""))));
    assertEquals(0, value("anls:mp_docvqa", "anls", List.of(record("1", "", ""))));
  }

  @Test
  void chartSplitsAreAveragedEvenly() {
    List<MetricRecord> records =
        List.of(
            record("1", "5", "5", "split", "human_test"),
            record("2", "5", "9", "split", "augmented_test"),
            record("3", "5", "9", "split", "augmented_test"));
    assertEquals(1 / 3.0, value("chartqa", "relaxed_acc", records), 1e-12);
    assertEquals(0.5, value("chartqa", "relaxed_acc_mean_of_splits", records), 1e-12);
  }

  @Test
  void popeCountsYesAsPositive() {
    List<MetricRecord> records =
        List.of(
            record("1", " Yes", "yes"),
            record("2", "yes", "no"),
            record("3", "no", "yes"),
            record("4", "no", "no"),
            record("5", "maybe", "no"));
    assertEquals(0.5, value("pope:lmms_eval", "precision", records));
    assertEquals(0.5, value("pope:lmms_eval", "recall", records));
    assertEquals(0.5, value("pope:lmms_eval", "f1", records));
    assertEquals(0.4, value("pope:lmms_eval", "yes_ratio", records));
    assertEquals(1, Metrics.find("pope:lmms_eval").score(records).parseFailures());
    // big_vision strips nothing: " Yes" is no answer to it.
    assertEquals(0.6, value("pope:big_vision", "valid_percent", records));
    assertEquals(0.2, value("pope:big_vision", "acc", records));
  }

  @Test
  void aSentenceIsConsistentWhenEveryPairIsRight() {
    List<MetricRecord> records =
        List.of(
            record("dev-0-0-0", "True", "True"),
            record("dev-0-1-0", "False", "True"),
            record("dev-0-0-1", "True", "True"),
            record("dev-0-1-1", "False", "False"));
    assertEquals(0.75, value("nlvr2", "acc", records));
    assertEquals(0.5, value("nlvr2", "consistency", records));
  }

  @Test
  void remoteSensingTypesWeighTheSame() {
    List<MetricRecord> records =
        List.of(
            record("1", "Yes", "yes", "question_type", "presence"),
            record("2", "no", "yes", "question_type", "comp"),
            record("3", "no", "no", "question_type", "comp"),
            record("4", "3", "4", "question_type", "count"));
    assertEquals(0.5, value("rsvqa", "acc_any", records));
    // A third a match, of which a question with one answer has one at most.
    assertEquals(0.5 / 3, value("rsvqa", "acc", records), 1e-12);
    assertEquals(0.5, value("rsvqa", "acc_comp", records), 1e-12);
    assertEquals(0.5, value("rsvqa", "acc_avg", records), 1e-12);
    assertEquals(0.75, value("rsvqa", "acc_avg_nonum", records), 1e-12);
    assertEquals(0.5, Metrics.find("rsvqa").score(records).value());
  }

  /** As big_vision's evaluator yields them, in its order; its log keeps the last of a name. */
  @Test
  void lowResolutionHasTwoMeansWithoutNumbers() {
    List<MetricRecord> records =
        List.of(
            record("1", "yes", "yes", "question_type", "presence"),
            record("2", "no", "yes", "question_type", "comp"),
            record("3", "rural", "rural", "question_type", "rural_urban"),
            record("4", "0", "0", "question_type", "count"));
    assertEquals(0.5, value("rsvqa", "acc_avg_nonum", records), 1e-12);
    assertEquals(0.5, value("rsvqa", "acc_avg_nonum/comp+presence", records), 1e-12);
    assertEquals(
        2.0 / 3, value("rsvqa", "acc_avg_nonum/comp+presence+rural_urban", records), 1e-12);
    assertEquals(0.75, value("rsvqa", "acc_avg", records), 1e-12);
  }

  @Test
  void countsAboveFifteenCountToo() {
    assertEquals(1, value("tallyqa", "acc/count_20", List.of(record("1", "Twenty", "20"))));
  }

  @Test
  void difficultQuestionsCountForBigVisionAlone() {
    MetricRecord easy = new MetricRecord("1", "run", List.of("run", "run", "run"));
    MetricRecord difficult =
        new MetricRecord(
            "2", "ride", List.of("walk"), Map.of("difficult_direct_answer", BooleanNode.TRUE));
    List<MetricRecord> both = List.of(easy, difficult);
    assertEquals(1, Metrics.find("aokvqa_da:official").score(both).value());
    assertEquals(0.5, Metrics.find("aokvqa_da:big_vision").score(both).value());
  }

  @Test
  void anOptionLetterNeedsItsFullStop() {
    assertEquals("B", ExactMatch.optionLetter(" B. stem"));
    assertEquals("B stem", ExactMatch.optionLetter("B stem"));
  }
}
