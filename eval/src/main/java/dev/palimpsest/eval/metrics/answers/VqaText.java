package dev.palimpsest.eval.metrics.answers;

import dev.palimpsest.eval.metrics.PythonText;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How the VQA evaluation and its descendants clean an answer before comparing it
 * (github.com/GT-Vision-Lab/VQA, vqaEval.py), quirks included. The programs differ in three places,
 * which are the parameters.
 */
public final class VqaText {
  /** The official script under Python 3. */
  public static final VqaText OFFICIAL = new VqaText(true, 32, false, PythonText::lower);

  /** The official script under the Python 2.7 it was written for: ASCII digits, simple cases. */
  public static final VqaText PYTHON2 = new VqaText(false, 32, false, VqaText::simpleLower);

  /** big_vision: removes every full stop, not only the first 32. */
  static final VqaText BIG_VISION = new VqaText(true, Integer.MAX_VALUE, false, PythonText::lower);

  /** VLMEvalKit: a full stop after a digit stays. */
  static final VqaText VLMEVALKIT = new VqaText(true, 32, true, PythonText::lower);

  private static final String PUNCTUATION = ";/[]\"{}()=+\\_-><@`,?!";

  /** The words for 0 to 10. */
  private static final List<String> NUMBERS =
      List.of("zero one two three four five six seven eight nine ten".split(" "));

  private static final Map<String, String> CONTRACTIONS = contractions();

  private final Pattern digitsAroundComma;
  private final Pattern fullStop;
  private final int mostFullStops;
  private final UnaryOperator<String> lower;

  /**
   * @param unicodeDigits whether digits of any script count
   * @param mostFullStops the most full stops that are removed: the published scripts pass
   *     re.UNICODE, which is 32, where re.sub expects a count
   * @param keepsAfterDigit whether the look-behind works; in the official script it is misspelt and
   *     always true, so that {@code 3.} becomes {@code 3}
   */
  private VqaText(
      boolean unicodeDigits,
      int mostFullStops,
      boolean keepsAfterDigit,
      UnaryOperator<String> lower) {
    String digit = unicodeDigits ? "\\p{Nd}" : "[0-9]";
    this.digitsAroundComma = Pattern.compile(digit + "," + digit);
    this.fullStop =
        Pattern.compile((keepsAfterDigit ? "(?<!" + digit + ")" : "") + "\\.(?!" + digit + ")");
    this.mostFullStops = mostFullStops;
    this.lower = lower;
  }

  /**
   * Replaces newlines and tabs by spaces and strips the text; applied to every answer before
   * anything else.
   */
  public static String trimmed(String answer) {
    return PythonText.strip(answer.replace('\n', ' ').replace('\t', ' '));
  }

  /** The complete cleaning: punctuation, then case, articles, number words and contractions. */
  public String normalize(String answer) {
    return words(punctuation(answer));
  }

  /** The EvalAI processor of TextVQA and its relatives: always applied, on trimmed lower case. */
  public String evalAi(String answer) {
    String lowered = lower.apply(answer).replace(",", "").replace("?", "").replace("'s", " 's");
    return normalize(trimmed(PythonText.strip(lowered)));
  }

  private String punctuation(String answer) {
    boolean glue = digitsAroundComma.matcher(answer).find();
    String text = answer;
    for (int i = 0; i < PUNCTUATION.length(); i++) {
      String mark = PUNCTUATION.substring(i, i + 1);
      // Conditions are tested on the original text, while replacements accumulate.
      boolean drop = glue || answer.contains(mark + " ") || answer.contains(" " + mark);
      text = text.replace(mark, drop ? "" : " ");
    }
    Matcher stops = fullStop.matcher(text);
    StringBuilder cleaned = new StringBuilder();
    for (int count = 0; count < mostFullStops && stops.find(); count++) {
      stops.appendReplacement(cleaned, "");
    }
    return stops.appendTail(cleaned).toString();
  }

  private String words(String answer) {
    return PythonText.split(lower.apply(answer)).stream()
        .map(VqaText::digits)
        .filter(word -> !word.equals("a") && !word.equals("an") && !word.equals("the"))
        .map(word -> CONTRACTIONS.getOrDefault(word, word))
        .collect(Collectors.joining(" "));
  }

  private static String digits(String word) {
    int number = word.equals("none") ? 0 : NUMBERS.indexOf(word);
    return number < 0 ? word : Integer.toString(number);
  }

  /** Python 2's unicode.lower(): one code point to one code point. */
  private static String simpleLower(String text) {
    return text.codePoints()
        .map(Character::toLowerCase)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  /**
   * Misspelt contraction to contraction. Most keys are the value without its apostrophe or, if it
   * has two, without one of them; the rest are listed as published. Keys that need a capital letter
   * can never match lower-case text and are left out.
   */
  private static Map<String, String> contractions() {
    Map<String, String> map = new HashMap<>();
    for (String value :
        List.of(
            ("'twas ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't"
                    + " haven't he'd he's how'd how'll how's isn't it'd it'll ma'am might've"
                    + " mightn't must've mustn't needn't not've o'clock oughtn't shan't should've"
                    + " shouldn't somebody'll somebody's someone'd someone'll someone's something'd"
                    + " something'll that's there'd there're there's they'd they'll they're they've"
                    + " wasn't we've weren't what'll what're what's what've when's where'd where's"
                    + " where've who'd who'll who's who've why'll why're why's won't would've"
                    + " wouldn't y'all you'd you'll you're you've")
                .split(" "))) {
      map.put(value.replace("'", ""), value);
    }
    for (String value :
        List.of(
            ("couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've"
                    + " somebody'd've someone'd've something'd've there'd've they'd've we'd've"
                    + " who'd've wouldn't've y'all'll you'd've")
                .split(" "))) {
      int first = value.indexOf('\'');
      int last = value.lastIndexOf('\'');
      map.put(value.substring(0, first) + value.substring(first + 1), value);
      map.put(value.substring(0, last) + value.substring(last + 1), value);
    }
    map.put("ow's'at", "'ow's'at");
    map.put("'ows'at", "'ow's'at");
    map.put("'ow'sat", "'ow's'at");
    map.put("somebody'd", "somebodyd");
    map.put("yall'd've", "y'all'd've");
    map.put("y'alld've", "y'all'd've");
    map.put("y'all'dve", "y'all'd've");
    return Map.copyOf(map);
  }
}
