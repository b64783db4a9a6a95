package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.Metric;
import dev.palimpsest.eval.metrics.MetricId;
import dev.palimpsest.eval.metrics.MetricInputException;
import dev.palimpsest.eval.metrics.MetricRecord;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.eval.metrics.PythonText;
import dev.palimpsest.eval.metrics.Scoreboard;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** ScienceQA: the letter of the chosen option, read as in big_vision or as in lmms-eval. */
public final class ScienceQa {
  private static final Pattern SENTENCE = Pattern.compile("the answer is ([a-z])\\.");

  private ScienceQa() {}

  /** All variants, the default first. */
  public static List<Metric> variants() {
    return List.of(new Sentence(), new Letter());
  }

  /** The letter of {@code The answer is B.} at the start of a text. */
  private static Optional<String> letter(String text) {
    Matcher matcher = SENTENCE.matcher(PythonText.lower(text));
    return matcher.lookingAt() ? Optional.of(matcher.group(1)) : Optional.empty();
  }

  private static final class Sentence implements Metric {
    private static final MetricId ID = new MetricId("scienceqa", "big_vision", 1);

    @Override
    public MetricId id() {
      return ID;
    }

    @Override
    public String needs() {
      return "references: 1, \"The answer is B.\"";
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(ID, "acc");
      for (MetricRecord record : records) {
        String wanted =
            letter(record.onlyReference())
                .orElseThrow(
                    () ->
                        new MetricInputException(
                            "record "
                                + record.id()
                                + ": the reference must read \"The answer is B.\", got \""
                                + record.onlyReference()
                                + "\""));
        Optional<String> given = letter(record.prediction());
        if (given.isEmpty()) {
          board.parseFailure();
        }
        board.add(record, given.filter(wanted::equals).isPresent() ? 1 : 0);
        board.add("parsefail", given.isEmpty() ? 1 : 0);
      }
      return board.result();
    }
  }

  private static final class Letter implements Metric {
    private static final MetricId ID = new MetricId("scienceqa", "lmms_eval", 1);

    @Override
    public MetricId id() {
      return ID;
    }

    @Override
    public String needs() {
      return "field: answer_index, the correct choice from 0";
    }

    @Override
    public MetricResult score(List<MetricRecord> records) {
      Scoreboard board = new Scoreboard(ID, "exact_match");
      for (MetricRecord record : records) {
        String letter = Character.toString('A' + record.integer("answer_index"));
        String given = PythonText.strip(record.prediction());
        // The letter alone in either case, or the capital with a full stop and anything after it.
        boolean right = given.equalsIgnoreCase(letter) || given.startsWith(letter + ".");
        board.add(record, right ? 1 : 0);
      }
      return board.result();
    }
  }
}
