package dev.palimpsest.eval.metrics.captions;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Penn Treebank tokens of captions, as the COCO caption evaluation needs them: lower case,
 * contractions split, brackets as {@code -lrb-}, and the evaluation's list of punctuation dropped.
 *
 * <p>Written from the observable behaviour of the tokenizer that the evaluation runs (CoreNLP
 * 3.4.1, whose licence keeps it out of this project), and compared with its output in the tests.
 * {@link PtbRules} defines what a token is, {@link LongestMatch} finds it in linear time. Not
 * thread-safe.
 */
public final class PtbTokenizer {
  /**
   * Tokens that the evaluation drops. Tokens arrive in lower case and this list is in upper case,
   * so brackets survive, as do {@code !!} and {@code ?!}.
   */
  private static final Set<String> DROPPED =
      Set.of(
          "''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-",
          "--", "...", ";");

  /** How much of the following captions can affect the tokens of a caption. */
  private static final int LOOK_AHEAD = 100;

  private final PtbRules rules = new PtbRules();

  /**
   * The captions as the evaluation scores them: tokens without the dropped ones, joined by single
   * spaces.
   *
   * <p>The evaluation sends all captions through its tokenizer at once, one per line, and the
   * beginning of a line can affect the full stop at the end of the previous line: a stop after
   * {@code no} belongs to the word if a number follows. So the order of the captions matters,
   * although rarely.
   */
  public List<String> captions(List<String> texts) {
    return lines(texts, true);
  }

  /** The captions with all tokens, before any are dropped. */
  List<String> lines(List<String> texts) {
    return lines(texts, false);
  }

  private List<String> lines(List<String> texts, boolean drop) {
    List<String> lines = new ArrayList<>(texts.size());
    for (int i = 0; i < texts.size(); i++) {
      List<String> tokens = tokens(oneLine(texts.get(i)), start(texts, i + 1));
      if (drop) {
        tokens.removeIf(DROPPED::contains);
      }
      lines.add(String.join(" ", tokens));
    }
    return lines;
  }

  private List<String> tokens(String line, String next) {
    String text = line + '\n' + next;
    byte[] kinds = PtbCharacters.kinds(text);
    rules.reset();
    List<String> tokens = new ArrayList<>();
    int at = 0;
    while (at < line.length()) {
      PtbRules.Found found = rules.find(text, kinds, at);
      if (found == null) {
        at++;
        continue;
      }
      at = found.next();
      if (!found.written().isEmpty()) {
        tokens.add(found.written().toLowerCase(Locale.ROOT));
      }
    }
    return tokens;
  }

  /** The text that follows a caption. */
  private static String start(List<String> texts, int from) {
    StringBuilder start = new StringBuilder();
    for (int i = from; i < texts.size() && start.length() < LOOK_AHEAD; i++) {
      String text = texts.get(i);
      start.append(oneLine(text.substring(0, Math.min(text.length(), LOOK_AHEAD)))).append('\n');
    }
    return start.append('\n').toString();
  }

  /**
   * Replaces line breaks by spaces; in the original they would shift all later captions by a line.
   */
  private static String oneLine(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean lineEnd =
          c == '\n' || c == '\r' || c == 0x0b || c == '\f' || c == 0x2028 || c == 0x2029;
      line.append(lineEnd ? ' ' : c);
    }
    return line.toString();
  }
}
