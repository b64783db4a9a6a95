package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Equality with a reference after a variant's normalisation: GQA, OCR-VQA, AI2D, A-OKVQA multiple
 * choice, MaRVL, video question answering. With several references, equality with any.
 */
public final class ExactMatch implements Metric {
  private static final Pattern LETTER_AND_DOT = Pattern.compile("^\\s*([A-Z])\\.");

  private final MetricId id;
  private final UnaryOperator<String> ofPrediction;
  private final UnaryOperator<String> ofReference;

  private ExactMatch(
      String name,
      String variant,
      UnaryOperator<String> ofPrediction,
      UnaryOperator<String> ofReference) {
    this.id = new MetricId(name, variant, 1);
    this.ofPrediction = ofPrediction;
    this.ofReference = ofReference;
  }

  private static ExactMatch of(String name, String variant, UnaryOperator<String> normalize) {
    return new ExactMatch(name, variant, normalize, normalize);
  }

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(
        of("exact_match", "official", UnaryOperator.identity()),
        of("exact_match", "big_vision", UnaryOperator.identity()),
        of("exact_match", "big_vision_to_lower", PythonText::lower),
        of("exact_match", "lmms_eval", ExactMatch::withoutCaseAndPunctuation),
        of("exact_match", "lmms_eval_plain", ExactMatch::withoutTrailingNulls),
        of("exact_match", "vlmevalkit", t -> PythonText.lower(PythonText.strip(t))),
        of("exact_match", "mmf", VqaText.OFFICIAL::evalAi),
        of("ai2d", "big_vision", UnaryOperator.identity()),
        new ExactMatch(
            "ai2d",
            "lmms_eval",
            t -> withoutCaseAndPunctuation(optionLetter(t)),
            ExactMatch::withoutCaseAndPunctuation));
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
    Scoreboard board = new Scoreboard(id, "acc");
    for (MetricRecord record : records) {
      String prediction = ofPrediction.apply(record.prediction());
      boolean equal =
          record.requireReferences().stream()
              .anyMatch(r -> ofReference.apply(r).equals(prediction));
      board.add(record, equal ? 1 : 0);
    }
    return board.result();
  }

  /** The letter of {@code B. stem}, otherwise the text as it is. */
  public static String optionLetter(String text) {
    Matcher matcher = LETTER_AND_DOT.matcher(text);
    return matcher.find() ? matcher.group(1) : text;
  }

  private static String withoutCaseAndPunctuation(String text) {
    return PythonText.withoutPunctuation(PythonText.lower(withoutTrailingNulls(text)));
  }

  /** lmms-eval compares numpy strings, which end before trailing NULs. */
  private static String withoutTrailingNulls(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == 0) {
      end--;
    }
    return text.substring(0, end);
  }
}
