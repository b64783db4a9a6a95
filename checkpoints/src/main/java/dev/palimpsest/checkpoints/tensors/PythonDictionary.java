package dev.palimpsest.checkpoints.tensors;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A Python dictionary literal with string keys, as in npy headers; values are kept as they are
 * written, including brackets and quotes.
 */
final class PythonDictionary {
  private final String text;
  private int at;

  PythonDictionary(String text) {
    this.text = text;
  }

  /** The entries; empty if the text is not such a literal. */
  Map<String, String> entries() {
    Map<String, String> entries = new LinkedHashMap<>();
    at = 0;
    if (!take('{')) {
      return Map.of();
    }
    while (!take('}')) {
      String key = value();
      if (key.length() < 2 || !isQuote(key.charAt(0)) || !take(':')) {
        return Map.of();
      }
      String value = value();
      if (value.isEmpty()) {
        return Map.of();
      }
      entries.put(key.substring(1, key.length() - 1), value);
      if (!take(',') && (at >= text.length() || text.charAt(at) != '}')) {
        return Map.of();
      }
    }
    skipBlanks();
    return at == text.length() ? entries : Map.of();
  }

  private void skipBlanks() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  private boolean take(char wanted) {
    skipBlanks();
    if (at < text.length() && text.charAt(at) == wanted) {
      at++;
      skipBlanks();
      return true;
    }
    return false;
  }

  /** A string, a bracketed value or a word at the current position; empty if there is none. */
  private String value() {
    int start = at;
    int depth = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (isQuote(c)) {
        int end = text.indexOf(c, at + 1);
        if (end < 0) {
          return "";
        }
        at = end;
      } else if (c == '(' || c == '[' || c == '{') {
        depth++;
      } else if (c == ')' || c == ']' || (c == '}' && depth > 0)) {
        depth--;
      } else if (depth == 0 && (c == ',' || c == ':' || c == '}')) {
        break;
      }
      at++;
    }
    return depth == 0 ? text.substring(start, at).strip() : "";
  }

  private static boolean isQuote(char c) {
    return c == '\'' || c == '"';
  }
}
