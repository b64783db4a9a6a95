package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.EditDistance;
import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/**
 * Average normalised Levenshtein similarity: DocVQA, InfographicVQA, ST-VQA (Biten et al. 2019).
 * The best similarity over the answers counts, and similarities below 0.5 count as 0. The programs
 * differ in what they normalise, in whether a similarity of exactly 0.5 counts, and in the length
 * they divide by.
 */
public final class Anls implements Metric {
  /** Similarity of one prediction to one answer, before the best is taken. */
  private interface Similarity {
    double of(String prediction, String answer);
  }

  private final MetricId id;
  private final Similarity similarity;

  private Anls(String variant, Similarity similarity) {
    this.id = new MetricId("anls", variant, 1);
    this.similarity = similarity;
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        new Anls("official", Anls::readingCompetition),
        new Anls("big_vision", (p, a) -> bigVision(PythonText.lower(p), PythonText.lower(a))),
        new Anls(
            "big_vision_any_order",
            (p, a) -> bigVisionInAnyOrder(PythonText.lower(p), PythonText.lower(a))),
        new Anls("big_vision_case_sensitive", Anls::bigVision),
        new Anls("lmms_eval", Anls::readingCompetition),
        new Anls("vlmevalkit", Anls::readingCompetition),
        new Anls("mmf", Anls::mmf),
        new Anls("mp_docvqa", Anls::multiPage));
  }

  @Override
  public MetricId id() {
    return id;
  }

  @Override
  public String needs() {
    return "references: the accepted answers, one or more";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Scoreboard board = new Scoreboard(id, "anls");
    for (MetricRecord record : records) {
      board.add(record, best(similarity, record.prediction(), record.requireReferences()));
    }
    return board.result();
  }

  /** big_vision's similarity on unchanged texts. */
  static double bigVision(String prediction, List<String> answers) {
    return best(Anls::bigVision, prediction, answers);
  }

  private static double best(Similarity similarity, String prediction, List<String> answers) {
    return answers.stream().mapToDouble(a -> similarity.of(prediction, a)).max().orElseThrow();
  }

  /**
   * Requires a distance strictly below one half; an empty answer is matched by an empty prediction.
   */
  private static double bigVision(String prediction, String answer) {
    if (answer.isEmpty()) {
      return prediction.isEmpty() ? 1 : 0;
    }
    int longest = Math.max(PythonText.length(prediction), PythonText.length(answer));
    double distance = (double) EditDistance.of(prediction, answer) / longest;
    return distance < 0.5 ? 1 - distance : 0;
  }

  /**
   * The same where the answer is a list: items between {@code ", "} are accepted in any order, as
   * big_vision's reader of InfographicVQA makes references of validation
   * (datasets/infovqa/infovqa.py:130).
   */
  private static double bigVisionInAnyOrder(String prediction, String answer) {
    double asWritten = bigVision(prediction, answer);
    int longest = Math.max(PythonText.length(prediction), PythonText.length(answer));
    OptionalInt least = ListDistance.least(prediction, answer);
    return least.isPresent() && least.getAsInt() < 0.5 * longest
        ? Math.max(asWritten, 1 - (double) least.getAsInt() / longest)
        : asWritten;
  }

  /**
   * The script of the Robust Reading Competition as copied by Qwen-VL, lmms-eval and VLMEvalKit:
   * distance of stripped lower-case texts with single spaces, divided by the length in upper case
   * without stripping, where {@code ß} counts as 2.
   */
  private static double readingCompetition(String prediction, String answer) {
    int distance = EditDistance.of(collapsed(prediction), collapsed(answer));
    int longest = Math.max(upperLength(prediction), upperLength(answer));
    return fromHalf(longest == 0 ? 1 : 1 - (double) distance / longest);
  }

  /**
   * Stripped lower case throughout; two empty texts, which are undefined in the original, are
   * equal.
   */
  private static double mmf(String prediction, String answer) {
    String predicted = PythonText.strip(PythonText.lower(prediction));
    String given = PythonText.strip(PythonText.lower(answer));
    int longest = Math.max(PythonText.length(predicted), PythonText.length(given));
    return fromHalf(longest == 0 ? 1 : 1 - (double) EditDistance.of(predicted, given) / longest);
  }

  /** MP-DocVQA: an empty prediction or the word none does not count as an answer. */
  private static double multiPage(String prediction, String answer) {
    return prediction.isEmpty() || prediction.equals("none")
        ? 0
        : readingCompetition(prediction, answer);
  }

  private static double fromHalf(double similarity) {
    return similarity >= 0.5 ? similarity : 0;
  }

  private static String collapsed(String text) {
    return String.join(" ", PythonText.split(PythonText.lower(text)));
  }

  private static int upperLength(String text) {
    return PythonText.length(text.toUpperCase(Locale.ROOT));
  }
}
