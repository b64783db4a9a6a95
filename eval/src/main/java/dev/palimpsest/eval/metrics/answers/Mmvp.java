package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * MMVP (Tong et al. 2024): the share of pairs of questions, about two pictures that look alike to
 * CLIP, of which both are answered correctly. In the original a language model judges free answers;
 * here an answer is an option's letter, its text, or both, in upper or lower case.
 */
public final class Mmvp implements Metric {
  private static final MetricId ID = new MetricId("mmvp", "rule", 1);
  private static final Pattern OPTION = Pattern.compile("\\(([a-z])\\)([^(]*)");

  @Override
  public MetricId id() {
    return ID;
  }

  @Override
  public String needs() {
    return "fields: pair (which questions belong together), options (\"(a) Open (b) Closed\"),"
        + " correct (\"(a)\")";
  }

  @Override
  public MetricResult score(List<MetricRecord> records) {
    Map<String, Boolean> pairs = new LinkedHashMap<>();
    Scoreboard board = new Scoreboard(ID, "paired_acc");
    for (MetricRecord record : records) {
      Optional<String> letter = letter(record.prediction(), record.require("options").asText());
      boolean right = letter.filter(l -> record.require("correct").asText().equals(l)).isPresent();
      if (letter.isEmpty()) {
        board.parseFailure();
      }
      board.add("acc", right ? 1 : 0);
      pairs.merge(record.require("pair").asText(), right, Boolean::logicalAnd);
    }
    pairs.forEach(
        (pair, right) -> board.add(new MetricRecord("pair " + pair, "", List.of()), right ? 1 : 0));
    return board.result();
  }

  /** The option that an answer means: {@code (a)}. */
  private static Optional<String> letter(String answer, String options) {
    String given = PythonText.strip(PythonText.lower(answer));
    Matcher option = OPTION.matcher(PythonText.lower(options));
    while (option.find()) {
      String letter = option.group(1);
      String text = PythonText.strip(option.group(2));
      if (List.of(letter, "(" + letter + ")", text, "(" + letter + ") " + text).contains(given)) {
        return Optional.of("(" + letter + ")");
      }
    }
    return Optional.empty();
  }
}
